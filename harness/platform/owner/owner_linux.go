package owner

import (
	"os"
	"strconv"
	"strings"
)

// started reads field 22 of /proc/<pid>/stat. The command in field 2 may hold
// spaces and parentheses, so fields are counted from the last one.
func started(pid int) string {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return ""
	}
	text := string(stat)
	fields := strings.Fields(text[strings.LastIndexByte(text, ')')+1:])
	if len(fields) < 20 || fields[0] == "Z" || fields[0] == "X" {
		return "" // a zombie runs no more
	}
	return fields[19]
}

func running(pid int) bool { return started(pid) != "" }

func boot() string {
	id, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(id))
}

// namespace is the number in "pid:[4026531836]".
func namespace() string {
	link, err := os.Readlink("/proc/self/ns/pid")
	if err != nil {
		return ""
	}
	return strings.Trim(strings.TrimPrefix(link, "pid:"), "[]")
}
