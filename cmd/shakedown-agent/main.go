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

	"github.com/shakedown-dev/shakedown/harness/gateway"
)

const usage = `shakedown-agent is started by shakedown; it is not for use by hand.

  shakedown-agent gateway   front a service, driven by JSON lines on standard input
  shakedown-agent version   print version and protocol
`

func main() {
	verb := ""
	if len(os.Args) == 2 {
		verb = os.Args[1]
	}
	switch verb {
	case "gateway":
		if err := runGateway(); err != nil {
			fmt.Fprintln(os.Stderr, "shakedown-agent gateway:", err)
			os.Exit(1)
		}
	case "version":
		fmt.Printf("shakedown-agent %s, protocol %d\n", version(), gateway.Protocol)
	default:
		fmt.Fprint(os.Stderr, usage)
		os.Exit(2)
	}
}

// runGateway serves until the input ends or SIGTERM comes. An interrupt on the
// terminal is for the harness, which still needs its gateways to stop in order;
// a broken output pipe is followed by the end of the input.
func runGateway() error {
	signal.Ignore(syscall.SIGINT, syscall.SIGHUP, syscall.SIGPIPE)
	in, feed := io.Pipe()
	go func() {
		_, err := io.Copy(feed, os.Stdin)
		_ = feed.CloseWithError(err) // nil means end of file
	}()
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM)
	go func() {
		<-stop
		_ = feed.Close()
	}()
	return gateway.ServeAgent(in, os.Stdout)
}

// version is that of the module the program was built from.
func version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}
