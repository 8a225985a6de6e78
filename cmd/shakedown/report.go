package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"

	"github.com/urfave/cli/v2"

	"github.com/shakedown-dev/shakedown/harness/rundir"
	"github.com/shakedown-dev/shakedown/reports"
)

func reportCommand() *cli.Command {
	return &cli.Command{
		Name:      "report",
		Usage:     "render a stored run again",
		ArgsUsage: "RUN",
		Description: "Writes report.html, junit.xml, summary.md and, if anything was scaled, scale-events.ndjson (a line of JSON for each\n" +
			"decision of an autoscaler, resize, claim and notice) into the run directory and prints the verdict table; with\n" +
			"--format only those forms are written: --format text --format html=page.html --format junit=junit.xml.\n" +
			"A run that was cut off or damaged is reported as far as it can be read, and what is missing is named.",
		Flags: []cli.Flag{
			&cli.StringSliceFlag{Name: "format", Usage: "write `FORMAT[=FILE]`, to standard output without a FILE or with -; one of " + strings.Join(reports.Documents(), ", ") + "; may be repeated"},
			&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "`FILE` to write the one --format to"},
		},
		Action: reportRun,
	}
}

func reportRun(c *cli.Context) error {
	dir, err := storedRun(c)
	if err != nil {
		return err
	}
	outputs, err := outputsOf(c.StringSlice("format"), c.String("output"))
	if err != nil {
		return err
	}
	// The record of hours leaves much behind while it is read; a laptop that rehearses
	// has little to spare.
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(250 << 20))
	run, err := reports.Read(dir)
	if err != nil {
		return fmt.Errorf("read the run: %w", err)
	}
	if len(outputs) == 0 {
		return republish(c, run)
	}
	for _, o := range outputs {
		if err := o.write(c.App.Writer, run); err != nil {
			return fmt.Errorf("write the report as %s: %w", o.format, err)
		}
	}
	return nil
}

// republish stores the reports of a run and prints it. Where its directory cannot be
// written, as in an archive, it is printed all the same.
func republish(c *cli.Context, run reports.Run) error {
	err := reports.WriteAll(run)
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS) {
		fmt.Fprintf(c.App.ErrWriter, "shakedown: the reports are not stored: %v; write them elsewhere with --format html=FILE\n", err)
		err = nil
	}
	if err != nil {
		return fmt.Errorf("write the reports: %w", err)
	}
	return reports.TextWith(c.App.Writer, run, reports.TextOptions{Color: color(c), Width: width(c)})
}

// An output is a form of the report and the file that it goes to, "" for standard
// output.
type output struct{ format, file string }

// outputsOf reads the values of --format and --output.
func outputsOf(formats []string, single string) (outputs []output, err error) {
	switch {
	case single != "" && len(formats) == 0:
		return nil, usagef("--output wants a --format to write: one of %s", strings.Join(reports.Documents(), ", "))
	case single != "" && (len(formats) > 1 || strings.Contains(formats[0], "=")):
		return nil, usagef("--output is the file of one --format; with several write --format FORMAT=FILE for each")
	case single != "":
		formats = []string{formats[0] + "=" + single}
	}
	printed := ""
	for _, value := range formats {
		format, file, named := strings.Cut(value, "=")
		if file == "-" {
			file = ""
		} else if named && file == "" {
			return nil, usagef("--format %s: there is no file behind the =; write %s=FILE, or %s for standard output", value, format, format)
		}
		if !slices.Contains(reports.Documents(), format) {
			return nil, usagef("--format %s: there is no report format %q; choose one of %s", value, format, strings.Join(reports.Documents(), ", "))
		}
		switch {
		case file != "" && slices.ContainsFunc(outputs, func(o output) bool { return sameFile(o.file, file) }):
			return nil, usagef("--format %s: another format goes to %s already", value, file)
		case file == "" && printed != "":
			return nil, usagef("--format %s: standard output has the %s already; give one of them a file, as in %s=FILE", value, printed, format)
		case file == "":
			printed = format
		}
		outputs = append(outputs, output{format, file})
	}
	return outputs, nil
}

// sameFile tells whether two names are those of one file, however they are spelt.
func sameFile(a, b string) bool {
	if a == "" || b == "" {
		return false
	}
	one, err := filepath.Abs(a)
	other, wrong := filepath.Abs(b)
	return err == nil && wrong == nil && one == other
}

// write renders the run to where the output goes. A file is replaced whole or not at
// all; what is no regular file, as a pipe, is written to.
func (o output) write(stdout io.Writer, run reports.Run) error {
	if o.file == "" {
		return reports.Write(stdout, run, o.format)
	}
	if info, err := os.Stat(o.file); err == nil && !info.Mode().IsRegular() {
		return writeTo(o.file, func(w io.Writer) error { return reports.Write(w, run, o.format) })
	}
	var content strings.Builder
	if err := reports.Write(&content, run, o.format); err != nil {
		return err
	}
	return rundir.WriteFile(o.file, []byte(content.String()))
}

// writeTo opens a file that is there and has it written.
func writeTo(path string, write func(io.Writer) error) (err error) {
	file, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	out := bufio.NewWriter(file)
	return errors.Join(write(out), out.Flush())
}
