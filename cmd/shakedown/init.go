package main

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"
	"golang.org/x/term"

	"github.com/shakedown-dev/shakedown/harness/scaffold"
	"github.com/shakedown-dev/shakedown/harness/stack"
	"github.com/shakedown-dev/shakedown/scenarios"
)

func initCommand() *cli.Command {
	var names []string
	for _, t := range scaffold.Templates() {
		names = append(names, t.Name)
	}
	return &cli.Command{
		Name:  "init",
		Usage: "write a first scenario for a compose file",
		Description: "Reads the compose file, finds the services that take requests, with their ports, health checks and grace periods, and\n" +
			"writes a scenario that is valid as it stands; what could not be found out is marked \"# assumed\". On a terminal it asks\n" +
			"what the flags leave open. The schema for editors is written beside the scenario. Nothing is written over without --force.",
		Flags: []cli.Flag{
			&cli.StringSliceFlag{Name: "from", Usage: "compose `FILE`; may be repeated (default: compose.yaml or docker-compose.yml here, with its override)"},
			&cli.StringFlag{Name: "template", Usage: "one of " + strings.Join(names, ", ") + " (default: smoke)"},
			&cli.StringFlag{Name: "out", Usage: "scenario `FILE` to write (default: <name>.yaml)"},
			&cli.StringFlag{Name: "name", Usage: "`NAME` of the scenario (default: <template>-<service>)"},
			&cli.StringFlag{Name: "service", Usage: "the service `NAME` to send requests to"},
			&cli.IntFlag{Name: "port", Usage: "the container `PORT` of it that speaks HTTP"},
			&cli.StringFlag{Name: "ready", Usage: "the `PATH` of its readiness probe (default: that of its health check)"},
			&cli.StringFlag{Name: "path", Usage: "the `PATH` to ask for (default: /)"},
			&cli.StringFlag{Name: "rate", Usage: "how often, as in `20/s`"},
			&cli.BoolFlag{Name: "yes", Aliases: []string{"y"}, Usage: "ask nothing, not even on a terminal"},
			&cli.BoolFlag{Name: "force", Aliases: []string{"f"}, Usage: "write over a file that is there"},
		},
		Action: initScenario,
	}
}

func initScenario(c *cli.Context) error {
	if c.Args().Present() {
		return usagef("init takes flags only; got %q (name the compose file with --from)", c.Args().First())
	}
	compose, err := composeFiles(c.StringSlice("from"))
	if err != nil {
		return err
	}
	if err := checkServices(compose); err != nil {
		return err
	}
	project, err := stack.Load(c.Context, compose, nil, os.Environ())
	if err != nil {
		return err
	}
	services := scaffold.Detect(project)
	given := scaffold.Choices{
		Template: c.String("template"), Name: c.String("name"), Service: c.String("service"), Port: c.Int("port"),
		Ready: c.String("ready"), Path: c.String("path"), Rate: c.String("rate"),
	}
	if !c.Bool("yes") && asking(c) {
		if given, err = (interview{in: bufio.NewReader(c.App.Reader), out: c.App.ErrWriter}).ask(services, given); err != nil {
			return err
		}
	}
	resolved, err := scaffold.Resolve(services, given)
	if err != nil {
		return usagef("%v", err)
	}
	out := cmp.Or(c.String("out"), resolved.Name+".yaml")
	if err := checkOut(out, compose); err != nil {
		return err
	}
	if resolved.Compose, err = relativeTo(filepath.Dir(out), compose); err != nil {
		return err
	}
	resolved.Schema = schemaName
	source, err := scaffold.Write(services, given, resolved)
	if err != nil {
		return err
	}
	if err := scaffold.Check(out, filepath.Dir(out), source, project.Info()); err != nil {
		fmt.Fprintln(c.App.ErrWriter, "shakedown: nothing was written, because the scenario would have mistakes; change the flags or the compose file")
		return err
	}
	if err := writeScenario(out, source, c.Bool("force")); err != nil {
		return err
	}
	_, err = fmt.Fprintf(c.App.Writer, "%s is written: %s on %s, port %d. What is assumed is marked in it. Next:\n\n  shakedown plan %s\n  shakedown run %s\n",
		out, resolved.Template, resolved.Service, resolved.Port, shellWord(out), shellWord(out))
	return err
}

// checkOut refuses places that no scenario can be written to: --force is not meant for the
// compose file that it is made from.
func checkOut(out string, compose []string) error {
	if out == "-" {
		return usagef("--out -: a scenario is written with its schema beside it; name a file")
	}
	if slices.ContainsFunc(compose, func(file string) bool { return sameFile(file, out) }) {
		return usagef("--out %s: that is the compose file itself; choose another name", out)
	}
	return nil
}

// composeFiles are those that were named, or those that compose itself would take here.
func composeFiles(named []string) ([]string, error) {
	for _, file := range named {
		if info, err := os.Stat(file); err != nil || info.IsDir() {
			return nil, usagef("--from: there is no compose file %s; name the one of your stack", file)
		}
	}
	if len(named) > 0 {
		return named, nil
	}
	for _, name := range []string{"compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml"} {
		if _, err := os.Stat(name); err != nil {
			continue
		}
		files := []string{name}
		extension := filepath.Ext(name)
		if override := strings.TrimSuffix(name, extension) + ".override" + extension; exists(override) {
			files = append(files, override)
		}
		return files, nil
	}
	return nil, usagef("there is no compose file here (compose.yaml, docker-compose.yml); name it with --from FILE")
}

func exists(name string) bool {
	_, err := os.Stat(name)
	return err == nil
}

// relativeTo names files as seen from a directory.
func relativeTo(dir string, files []string) (seen []string, err error) {
	base, err := filepath.Abs(dir)
	for _, file := range files {
		absolute, failed := filepath.Abs(file)
		relative, far := filepath.Rel(base, absolute)
		if err = errors.Join(err, failed, far); err == nil {
			seen = append(seen, filepath.ToSlash(relative))
		}
	}
	return seen, err
}

// schemaName is the file, beside the scenario, that editors read its keys from.
const schemaName = "scenario.schema.json"

// writeScenario writes the scenario, and the schema for editors beside it.
func writeScenario(out string, source []byte, force bool) error {
	if err := os.MkdirAll(filepath.Dir(out), 0o755); err != nil {
		return fmt.Errorf("write the scenario: %w; choose another place with --out", err)
	}
	flags := os.O_WRONLY | os.O_CREATE | os.O_EXCL
	if force {
		flags = os.O_WRONLY | os.O_CREATE | os.O_TRUNC
	}
	file, err := os.OpenFile(out, flags, 0o644)
	if errors.Is(err, fs.ErrExist) {
		return usagef("%s is there already, and is left as it is: choose another --out, or write over it with --force", out)
	}
	if err != nil {
		return fmt.Errorf("write the scenario: %w; choose another place with --out", err)
	}
	_, err = file.Write(source)
	if err := errors.Join(err, file.Close()); err != nil {
		return fmt.Errorf("write the scenario: %w", err)
	}
	schema := filepath.Join(filepath.Dir(out), schemaName)
	if exists(schema) && !force {
		return nil
	}
	if err := os.WriteFile(schema, append(scenarios.Schema(), '\n'), 0o644); err != nil {
		return fmt.Errorf("write the schema for editors beside the scenario, which is written: %w; shakedown schema prints it", err)
	}
	return nil
}

// shellWord is a word that a shell takes as it stands.
func shellWord(text string) string {
	if strings.ContainsAny(text, " '\"$&;|<>()*?\\`") {
		return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
	}
	return text
}

// asking tells whether somebody is there to answer.
func asking(c *cli.Context) bool {
	in, isFile := c.App.Reader.(*os.File)
	out, also := c.App.ErrWriter.(*os.File)
	return isFile && also && term.IsTerminal(int(in.Fd())) && term.IsTerminal(int(out.Fd()))
}

// An interview asks for what the flags leave open. An empty answer takes what stands in
// brackets.
type interview struct {
	in  *bufio.Reader
	out io.Writer
}

func (i interview) ask(services []scaffold.Service, c scaffold.Choices) (scaffold.Choices, error) {
	var err error
	if c.Template == "" {
		for _, t := range scaffold.Templates() {
			fmt.Fprintf(i.out, "  %-13s %s\n", t.Name, t.Summary)
		}
		c.Template, err = i.question("What is to be rehearsed", "smoke")
	}
	can := scaffold.Driveable(services)
	if err == nil && c.Service == "" && len(can) > 1 {
		var names []string
		for _, s := range can {
			names = append(names, s.Name)
		}
		c.Service, err = i.question("Which service gets the requests ("+strings.Join(names, ", ")+")", names[0])
	}
	at := max(0, slices.IndexFunc(can, func(s scaffold.Service) bool { return s.Name == c.Service }))
	if err != nil || len(can) == 0 {
		return c, err
	}
	s := can[at]
	if c.Port == 0 && len(s.Ports) > 1 {
		var port string
		if port, err = i.question("Which of its ports speaks HTTP", strconv.Itoa(s.Ports[0])); err == nil {
			if c.Port, err = strconv.Atoi(port); err != nil {
				return c, usagef("port %q is no number; write one like %d", port, s.Ports[0])
			}
		}
	}
	if err == nil && c.Ready == "" && s.Ready == "" {
		c.Ready, err = i.question("Which path answers when it is ready (none if there is none)", "")
	}
	if err == nil && c.Path == "" {
		c.Path, err = i.question("Which path do users ask for", "/")
	}
	if err == nil && c.Rate == "" {
		c.Rate, err = i.question("How often", "20/s")
	}
	return c, err
}

// question asks and reads a line. Who closes the input has answered nothing.
func (i interview) question(text, otherwise string) (string, error) {
	if text += "?"; otherwise != "" {
		text += " [" + otherwise + "]"
	}
	fmt.Fprintf(i.out, "%s: ", text)
	line, err := i.in.ReadString('\n')
	if err != nil && line == "" {
		return "", usagef("the question was not answered; give flags, or --yes to take what is likely")
	}
	return cmp.Or(strings.TrimSpace(line), otherwise), nil
}
