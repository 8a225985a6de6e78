package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/harness/verify"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// broken are the scenarios of these tests.
func broken(name string) string { return filepath.Join("testdata", "faults", name+".yaml") }

var brokenRun = regexp.MustCompile(`(?m)run\s+(\S+): \S+`)

// breakEverything starts a run with a dozen faults and returns when all are in force.
func breakEverything(t *testing.T, locks ...sync.Locker) (cmd *exec.Cmd, o *started, run string) {
	t.Helper()
	needEngine(t)
	turn(t, heavy, locks...)
	cmd, o = command(t, nil, "run", broken("everything"), "--platform", "docker")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	for _, fault := range everyFault {
		o.await(t, "fault "+fault+":")
	}
	match := brokenRun.FindStringSubmatch(o.stderr.String())
	if match == nil {
		t.Fatalf("no run id in the progress\n%s", o.stderr)
	}
	t.Cleanup(func() { removeRun(cmd, match[1]) })
	if strings.Contains(o.stderr.String(), "warning") && strings.Contains(o.stderr.String(), "fault "+everyFault[0]+": ") {
		t.Logf("progress:\n%s", tail(o.stderr.String()))
	}
	return cmd, o, match[1]
}

var everyFault = []string{
	"slow-database", "lossy-cache", "narrow-web", "lost-names", "cut-web", "frozen-worker",
	"slow-postgres", "busy-web", "full-redis", "slow-payments", "odd-payments", "few-connections",
	"killed-importer", "torn-api", "few-slots", "slow-reads", "full-disk", "refusing-redis", "expired-vault",
}

// removeRun takes away what a test that failed has left of a run.
func removeRun(cmd *exec.Cmd, run string) {
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	_ = exec.Command(filepath.Join(bin, "shakedown"), "down", run).Run() // an error: nothing is left
}

// harm lists what is broken about the containers of a run, as kernel and engine
// tell, in a stable order.
func harm(t *testing.T, run string) []string {
	t.Helper()
	out, err := exec.Command("docker", "ps", "-aq", "--filter", "label=shakedown.run="+run).Output()
	if err != nil {
		t.Fatalf("docker ps: %v", err)
	}
	var all []string
	for _, id := range strings.Fields(string(out)) {
		all = append(all, harmOf(t, id)...)
	}
	return all
}

func harmOf(t *testing.T, id string) (all []string) {
	t.Helper()
	out, err := exec.Command("docker", "inspect", "--format", "{{.Name}} {{.State.Pid}} {{.State.Running}} {{.State.Paused}} {{.HostConfig.NanoCpus}}", id).Output()
	if err != nil {
		return nil // it has just gone
	}
	var (
		name   string
		pid    int
		runs   bool
		paused bool
		cpus   int64
	)
	if _, err := fmt.Sscan(string(out), &name, &pid, &runs, &paused, &cpus); err != nil {
		t.Fatalf("docker inspect: %q: %v", out, err)
	}
	switch { // proxies and gateways end with the harness
	case runs && strings.Contains(name, "-agent-"):
		all = append(all, name+" runs")
	case !runs && strings.Contains(name, "-importer-"):
		return []string{name + " is down"}
	case !runs:
		return nil
	}
	if paused {
		all = append(all, name+" is paused")
	}
	if strings.HasSuffix(name, "postgres-1") && cpus == 5e8 {
		all = append(all, name+" is throttled")
	}
	if out, err = exec.Command("nsenter", "-t", fmt.Sprint(pid), "-n", "nft", "-j", "list", "ruleset").Output(); err != nil {
		t.Skipf("the rules of containers cannot be listed here: %v", err)
	}
	return append(all, rulesOf(t, name, out)...)
}

// rulesOf lists the tables of agents, and whether there are rules in them that packets
// come to, as there are not without a fault.
func rulesOf(t *testing.T, name string, listed []byte) (all []string) {
	t.Helper()
	var set struct {
		Nftables []struct {
			Table *struct{ Name string }
			Rule  *struct{ Table, Chain string }
		}
	}
	if err := json.Unmarshal(listed, &set); err != nil {
		t.Fatalf("nft: %v: %s", err, listed)
	}
	for _, is := range set.Nftables {
		switch {
		case is.Table != nil && strings.Contains(is.Table.Name, "shakedown"):
			all = append(all, name+" has table "+is.Table.Name)
		case is.Rule != nil && strings.Contains(is.Rule.Table, "shakedown") && metByPackets.MatchString(is.Rule.Chain):
			all = append(all, name+" has a rule in "+is.Rule.Table)
		}
	}
	return slices.Compact(all)
}

// metByPackets are the chains with a hook, and those that they jump to.
var metByPackets = regexp.MustCompile(`^(in|out|nat)-`)

// faulty is harm without what agents have that do nothing.
func faulty(t *testing.T, run string) []string {
	t.Helper()
	return slices.DeleteFunc(harm(t, run), func(is string) bool {
		return strings.HasSuffix(is, " runs") || strings.Contains(is, " has table ")
	})
}

// healed waits until nothing of the faults is left, as look tells it, at most the
// lease and some time for the machine.
func healed(t *testing.T, run string, look func(*testing.T, string) []string) {
	t.Helper()
	deadline := time.Now().Add(scenarios.DefaultLease + 5*time.Second)
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		left := look(t, run)
		if len(left) == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("still there after the lease: %s", strings.Join(left, "; "))
		}
		<-tick.C
	}
}

func needHarm(t *testing.T, run string) {
	t.Helper()
	found := strings.Join(harm(t, run), "; ")
	for _, want := range []string{"is paused", "is throttled", "is down", "has table", "has a rule", "-agent-"} {
		if !strings.Contains(found, want) {
			t.Fatalf("nothing %s while the faults were in force: this test could not fail\n%s", want, found)
		}
	}
}

func TestNoFaultMustOutliveAKilledHarness(t *testing.T) {
	cmd, _, run := breakEverything(t, &killing)
	needHarm(t, run)
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	healed(t, run, harm)
	if out, err := exec.Command(filepath.Join(bin, "shakedown"), "clean").CombinedOutput(); err != nil {
		t.Fatalf("clean: %v\n%s", err, out)
	}
	if left := leftOf(t, run, "docker"); len(left) > 0 {
		t.Errorf("left after clean: %v", left)
	}
}

func TestNoFaultMustOutlastTheLeaseOfAFrozenHarness(t *testing.T) {
	cmd, o, run := breakEverything(t)
	needHarm(t, run)
	if err := cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	healed(t, run, faulty) // agents may be told to do something again
	if err := cmd.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	for _, fault := range everyFault { // the run has noticed that none of them is in force
		o.await(t, "fault "+fault+" on ")
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if done := wait(t, cmd, o); done.code != 130 {
		t.Errorf("exit code %d, want 130\n%s", done.code, tail(done.stderr))
	}
	if left := leftOf(t, run, "docker"); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}

func TestNoRuleMustOutliveAKilledAgent(t *testing.T) {
	cmd, o, run := breakEverything(t)
	needHarm(t, run)
	out, err := exec.Command("docker", "ps", "-q", "--filter", "label=shakedown.run="+run, "--filter", "name=-agent-").Output()
	if err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("docker", append([]string{"kill"}, strings.Fields(string(out))...)...).CombinedOutput(); err != nil {
		t.Fatalf("docker kill: %v: %s", err, out)
	}
	for _, left := range harm(t, run) {
		if strings.Contains(left, "has table") || strings.Contains(left, "runs") {
			t.Error(left)
		}
	}
	o.await(t, "lost") // the run has noticed
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if done := wait(t, cmd, o); done.code != 130 {
		t.Errorf("exit code %d, want 130\n%s", done.code, tail(done.stderr))
	}
	if left := leftOf(t, run, "docker"); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}

func TestAnInterruptMustHealEverythingBeforeTheRunEnds(t *testing.T) {
	cmd, o, run := breakEverything(t)
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if done := wait(t, cmd, o); done.code != 130 {
		t.Errorf("exit code %d, want 130\n%s", done.code, tail(done.stderr))
	}
	ended := map[string]string{}
	for _, e := range eventsOf(t, o.dir) {
		switch b := e.Body.(type) {
		case journal.FaultEnded:
			ended[b.Fault] = b.By
		case journal.FaultState:
			if b.State == journal.FaultStuck {
				t.Errorf("%s on %s is stuck: %s", b.Fault, b.Target, b.Reason)
			}
		}
	}
	for _, fault := range everyFault {
		if ended[fault] != "interrupt" {
			t.Errorf("%s ended by %q, want interrupt", fault, ended[fault])
		}
	}
	if left := leftOf(t, run, "docker"); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}

func TestAStopConditionMustEndTheRunAndHeal(t *testing.T) {
	onEachPlatform(t, whole, func(t *testing.T, platform string) {
		o := shakedown(t, nil, "run", broken("payments-gone"), "--platform", platform)
		if o.code != 99 {
			t.Fatalf("exit code %d, want 99\n%s\n%s", o.code, o.stdout, tail(o.stderr))
		}
		stopped := finding(t, o, "run/stopped")
		if stopped.Verdict != verify.Fail {
			t.Errorf("run/stopped is %s: %s", stopped.Verdict, stopped.Reason)
		}
		for _, e := range eventsOf(t, o.dir) {
			if b, ok := e.Body.(journal.FaultEnded); ok && b.By != "stop" {
				t.Errorf("%s ended by %q, want stop", b.Fault, b.By)
			}
		}
	})
}

func TestAFaultThatDidNothingMustNotPass(t *testing.T) {
	needEngine(t)
	turn(t, whole)
	o := shakedown(t, nil, "run", broken("nobody-asks"), "--platform", "docker")
	if o.code != 3 {
		t.Fatalf("exit code %d, want 3\n%s\n%s", o.code, o.stdout, tail(o.stderr))
	}
	for _, id := range []string{"faults/unheard", "steady-state/browse/after"} {
		if f := finding(t, o, id); f.Verdict != verify.Inconclusive || f.Reason == "" {
			t.Errorf("%s is %s: %q", id, f.Verdict, f.Reason)
		}
	}
}

func TestWhatAPlatformCannotDoMustBeRefusedBeforeAnythingStarts(t *testing.T) {
	turn(t, light)
	o := shakedown(t, nil, "run", broken("nobody-asks"), "--platform", "process")
	if o.code != 4 || !strings.Contains(o.stderr, "unheard (dns)") || !strings.Contains(o.stderr, "--platform docker") {
		t.Errorf("exit code %d, want 4 and why\n%s", o.code, o.stderr)
	}
	if _, err := os.Stat(o.dir); err == nil {
		t.Error("there is a run directory although nothing was run")
	}
}

func TestTheCatalogueMustTellWhatThisMachineCanDo(t *testing.T) {
	turn(t, light)
	o := shakedown(t, nil, "faults")
	if o.code != 0 {
		t.Fatalf("exit code %d\n%s", o.code, o.stderr)
	}
	for _, kind := range scenarios.FaultKinds() {
		if !strings.Contains(o.stdout, kind) {
			t.Errorf("the catalogue lacks %s", kind)
		}
	}
	var rows []map[string]any
	if err := json.Unmarshal([]byte(shakedown(t, nil, "faults", "--json").stdout), &rows); err != nil || len(rows) != len(scenarios.FaultKinds()) {
		t.Errorf("--json: %d rows, %v", len(rows), err)
	}
}

// finding is one of the verdict, which has to be there.
func finding(t *testing.T, o outcome, id string) verify.Finding {
	t.Helper()
	for _, f := range verdict(t, o).Checks {
		if f.ID == id {
			return f
		}
	}
	t.Fatalf("no finding %s\n%s", id, o.stdout)
	return verify.Finding{}
}

// eventsOf is the journal of a run.
func eventsOf(t *testing.T, dir string) []journal.Event {
	t.Helper()
	record, err := journal.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return record.Events
}
