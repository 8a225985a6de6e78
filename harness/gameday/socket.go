package gameday

import (
	"errors"
	"fmt"
	"io/fs"
	"log"
	"net"
	"os"
	"path/filepath"

	"github.com/shakedown-dev/shakedown/harness/rundir"
)

// longestSocket is the longest path that the address of a unix socket has room for on
// every system: 104 bytes with the zero at its end.
const longestSocket = 103

// controlFile is the control socket of a run, or a link to it.
func controlFile(dir rundir.Dir) string { return filepath.Join(string(dir), "control.sock") }

// urlFile holds the address of the page, with its token.
func urlFile(dir rundir.Dir) string { return filepath.Join(string(dir), "gameday.url") }

// nothing takes what net/http has to say of broken connections: the page's own affair.
var nothing = log.New(silent{}, "", 0)

type silent struct{}

func (silent) Write(p []byte) (int, error) { return len(p), nil }

// leftovers are the files that end with the server, the newest first.
type leftovers struct{ paths []string }

func (l *leftovers) add(path string) { l.paths = append(l.paths, path) }

// secret writes a file that only its owner can read.
func (l *leftovers) secret(path, content string) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("store the address of the page: %w", err)
	}
	l.add(path)
	_, err = file.WriteString(content)
	return errors.Join(err, file.Close())
}

func (l *leftovers) remove() error {
	var errs []error
	for i := len(l.paths) - 1; i >= 0; i-- {
		if err := os.Remove(l.paths[i]); err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	l.paths = nil
	return errors.Join(errs...)
}

// listenControl opens the socket in the run directory for its owner alone. Where the
// path is too long for a socket it is in a directory of its own below the system's for
// temporary files, and the run directory has a link to it.
func listenControl(dir rundir.Dir, files *leftovers) (net.Listener, error) {
	path := controlFile(dir)
	if len(path) > longestSocket {
		private, err := os.MkdirTemp("", "shakedown-") // 0700
		if err != nil {
			return nil, err
		}
		files.add(private)
		short := filepath.Join(private, "control.sock")
		if err := os.Symlink(short, path); err != nil {
			return nil, err
		}
		files.add(path)
		path = short
	}
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return nil, err
	}
	files.add(path)
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	return listener, nil
}
