// Command shakedown-agent is the small static program that shakedown starts
// beside the instances of a stack. It is driven over standard input and output
// and ends when its input ends; nobody needs to call it by hand.
package main

import (
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/shakedown-dev/shakedown/chaos/order"
	"github.com/shakedown-dev/shakedown/harness/gateway"
)

const usage = `shakedown-agent is started by shakedown; it is not for use by hand.

  shakedown-agent gateway   front a service, driven by JSON lines on standard input
  shakedown-agent chaos     do faults, driven by JSON lines on standard input
  shakedown-agent version   print version and protocols
`

func main() {
	verb := ""
	if len(os.Args) == 2 {
		verb = os.Args[1]
	}
	switch verb {
	case "gateway":
		exit(verb, runGateway())
	case "chaos":
		exit(verb, runChaos())
	case "version":
		fmt.Printf("shakedown-agent %s, protocol %d of gateways, %d of faults\n", version(), gateway.Protocol, order.Protocol)
	default:
		fmt.Fprint(os.Stderr, usage)
		os.Exit(2)
	}
}

// exit ends with an error, if there is one.
func exit(verb string, err error) {
	if err != nil {
		fmt.Fprintf(os.Stderr, "shakedown-agent %s: %v\n", verb, err)
		os.Exit(1)
	}
}

// runGateway serves until the input ends or SIGTERM comes.
func runGateway() error { return gateway.ServeAgent(untilTold(func() {}), os.Stdout) }

// untilTold is standard input, which ends at SIGTERM too; ended is called then.
// An interrupt on the terminal is for the harness, which still needs its agents
// to stop in order; a broken output pipe is followed by the end of the input.
func untilTold(ended func()) io.Reader {
	signal.Ignore(syscall.SIGINT, syscall.SIGHUP, syscall.SIGPIPE)
	in, feed := io.Pipe()
	go func() {
		_, err := io.Copy(feed, os.Stdin)
		ended()
		_ = feed.CloseWithError(err) // nil means end of file
	}()
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM)
	go func() {
		<-stop
		ended()
		_ = feed.Close()
	}()
	return in
}

// version is that of the module the program was built from.
func version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}
