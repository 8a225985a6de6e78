package e2e

import (
	"bytes"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// small is a scenario on one service; the compose file beside it is the test's.
const small = `
name: small
stack:
  compose: [compose.yaml]
  services:
    shop: {port: 8080, ready: %s%s}
traffic:
  phases: [{name: only, for: 1s}]
  cohorts: [{name: all, journey: look, arrivals: {constant: 20/s}}]
  journeys:
    look:
      - name: charges
        request: GET shop/v1/charges
        headers: {Authorization: Bearer in-the-scenario-4711}
checks:
  - slo: {journey: look, availability: 99%%}
`

// shop runs the payments simulator, which needs no other service.
const shop = `
services:
  shop:
    image: %s
    pull_policy: never
    command: [%s]
    expose: ["8080"]
    environment:
      ATELIER_LISTEN: ":8080"
      SHOP_KEY: "environment-%%-4712"
      SHOP_BACKEND: https://somebody:userinfo-4713@backend.example/
    x-shakedown:
      process: {command: [atelier, %s], environment: {ATELIER_LISTEN: "{ip}:8080"}}
`

// project writes the two files and returns the scenario's path.
func project(t *testing.T, compose, ready string, publish int) string {
	t.Helper()
	dir, published := t.TempDir(), ""
	if publish != 0 {
		published = fmt.Sprintf(", publish: %d", publish)
	}
	for name, content := range map[string]string{"scenario.yaml": fmt.Sprintf(small, ready, published), "compose.yaml": compose} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, "scenario.yaml")
}

// mustFailToStart runs a scenario that cannot come up: exit 1, an explanation,
// and nothing left.
func mustFailToStart(t *testing.T, platform, scenario string, explained ...string) {
	t.Helper()
	o := shakedown(t, nil, "run", scenario, "--platform", platform, "--start-timeout", "5s")
	if o.code != 1 {
		t.Fatalf("exit code %d, want 1\n%s\n%s", o.code, o.stdout, tail(o.stderr))
	}
	for _, want := range explained {
		if !regexp.MustCompile(want).MatchString(o.stderr) {
			t.Errorf("the explanation lacks %q:\n%s", want, tail(o.stderr))
		}
	}
	id := regexp.MustCompile(`run\s+(\S+): small`).FindStringSubmatch(o.stderr)
	if id == nil {
		t.Fatalf("no run id in the progress\n%s", o.stderr)
	}
	if left := leftOf(t, id[1], platform); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestAnInstanceThatExitsAtStartMustBeExplainedWithItsLastLogLines(t *testing.T) {
	onEachPlatform(t, light, func(t *testing.T, platform string) {
		compose := strings.Replace(fmt.Sprintf(shop, "atelier:dev", "payments", "payments"), "SHOP_KEY:", "ATELIER_DEFECT: no-such-defect\n      SHOP_KEY:", 1)
		mustFailToStart(t, platform, project(t, compose, "/readyz", 0), "shop-1 exited with code [1-9]", "last log lines", "there is no defect")
	})
}

func TestAReadinessProbeThatNeverPassesMustBeExplained(t *testing.T) {
	onEachPlatform(t, light, func(t *testing.T, platform string) {
		compose := fmt.Sprintf(shop, "atelier:dev", "payments", "payments")
		mustFailToStart(t, platform, project(t, compose, "/no-such-path", 0), "shop-1", "404", "ready")
	})
}

func TestAPortThatIsTakenMustBeExplained(t *testing.T) {
	onEachPlatform(t, light, func(t *testing.T, platform string) {
		taken, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer taken.Close()
		port := taken.Addr().(*net.TCPAddr).Port
		compose := fmt.Sprintf(shop, "atelier:dev", "payments", "payments")
		mustFailToStart(t, platform, project(t, compose, "/readyz", port), fmt.Sprintf("port %d", port), "taken")
	})
}

func TestAnImageThatCannotBeHadMustBeExplained(t *testing.T) {
	needEngine(t)
	turn(t, light)
	compose := fmt.Sprintf(shop, "shakedown.invalid/nowhere:1", "payments", "payments")
	mustFailToStart(t, "docker", project(t, compose, "/readyz", 0), "shakedown.invalid/nowhere:1", "shop")
}

func TestSecretsMustNotReachTheRunDirectory(t *testing.T) {
	onEachPlatform(t, light, func(t *testing.T, platform string) {
		// the simulator is made to print its environment by asking for a service it
		// does not have: the second service logs through the shell where there is one
		compose := fmt.Sprintf(shop, "atelier:dev", "payments", "payments") + `
  gossip:
    image: redis:7.0
    command: [sh, -c, 'env; echo "Authorization: Bearer in-the-log-4714"; echo "Cookie: session=in-the-log-4715"; exec sleep 600']
    environment: {GOSSIP: "gossip \"quoted\" <4716>"}
    x-shakedown:
      process: {command: [sh, -c, 'env; echo "Authorization: Bearer in-the-log-4714"; echo "Cookie: session=in-the-log-4715"; exec sleep 600']}
`
		o := shakedown(t, nil, "run", project(t, compose, "/readyz", 0), "--platform", platform)
		if o.code != 0 && o.code != 3 {
			t.Fatalf("exit code %d\n%s\n%s", o.code, o.stdout, tail(o.stderr))
		}
		log, err := os.ReadFile(filepath.Join(o.dir, "logs", "gossip-1.log"))
		if err != nil || !bytes.Contains(log, []byte("GOSSIP=")) || !bytes.Contains(log, []byte("Cookie")) {
			t.Fatalf("nothing was gossiped, so nothing is proven: %v\n%s", err, log)
		}
		secrets := []string{"in-the-scenario-4711", "environment-%-4712", "userinfo-4713", "in-the-log-4714", "in-the-log-4715", "<4716>", `\u003c4716\u003e`}
		mustNotHold(t, "standard output", []byte(o.stdout), secrets)
		mustNotHold(t, "standard error", []byte(o.stderr), secrets)
		err = filepath.WalkDir(o.dir, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return err
			}
			content, err := os.ReadFile(path)
			mustNotHold(t, path, content, secrets)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}

func mustNotHold(t *testing.T, where string, content []byte, secrets []string) {
	t.Helper()
	for _, secret := range secrets {
		if at := bytes.Index(content, []byte(secret)); at >= 0 {
			t.Errorf("%s holds %s: …%s…", where, secret, strings.ToValidUTF8(string(content[max(0, at-60):min(len(content), at+60)]), ""))
		}
	}
}
