package pressure

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"github.com/shakedown-dev/shakedown/chaos/order"
)

const (
	// mostFilled is the size of the largest file system that is filled by share.
	mostFilled = 16 << 30
	// mostTaken is the most that is taken of one by size.
	mostTaken = 1 << 30
	// extent is how much is allocated at a time.
	extent = 64 << 20
)

// filler holds space in a file without a name: it is gone with the process.
type filler struct {
	file  *os.File
	bytes atomic.Int64
}

// fill takes space.
func fill(d order.Disk, closed <-chan struct{}) (load, error) {
	if d.Path == "" || (d.Fill != 0) == (d.Size != 0) {
		return nil, errors.New("disk: a path and one of fill and size are needed")
	}
	var fs unix.Statfs_t
	if err := unix.Statfs(d.Path, &fs); err != nil {
		return nil, &os.PathError{Op: "statfs", Path: d.Path, Err: err}
	}
	wanted, err := wantedBytes(d, fs)
	if err != nil {
		return nil, err
	}
	file, err := unnamed(d.Path)
	if err != nil {
		return nil, err
	}
	f := &filler{file: file}
	if err := f.take(wanted, fs.Bsize, d.Fill == 1, closed); err != nil {
		taken := f.bytes.Load()
		_ = f.release()
		return nil, fmt.Errorf("take %d bytes of %s: after %d: %w", wanted, d.Path, taken, err)
	}
	return f, nil
}

// wantedBytes is how much is to be taken, if that is decent.
func wantedBytes(d order.Disk, fs unix.Statfs_t) (int64, error) {
	size := fs.Bsize
	used, free := int64(fs.Blocks-fs.Bfree)*size, int64(fs.Bavail)*size
	if d.Size != 0 {
		if most := min(mostTaken, free/2); d.Size < 0 || d.Size > most {
			return 0, fmt.Errorf("disk: %d bytes of %s are not taken: at most %d, which is half of what is free and no more than 1 GiB", d.Size, d.Path, most)
		}
		return d.Size, nil
	}
	if !(d.Fill > 0 && d.Fill <= 1) {
		return 0, fmt.Errorf("disk: fill %g is not between 0 and 1", d.Fill)
	}
	if err := ownFileSystem(d.Path, used+free); err != nil {
		return 0, err
	}
	wanted := int64(d.Fill*float64(used+free)) - used
	if wanted <= 0 {
		return 0, fmt.Errorf("disk: %s is filled to %.0f %% already, which is not under %.0f %%", d.Path, 100*float64(used)/float64(used+free), 100*d.Fill)
	}
	return wanted, nil
}

// ownFileSystem refuses what belongs to others too: a volume that is a folder of
// the machine's disk has the machine in it.
func ownFileSystem(path string, total int64) error {
	if total > mostFilled {
		return fmt.Errorf("disk: the file system of %s has %d bytes; only those of up to 16 GiB are filled, give size instead", path, total)
	}
	table, err := os.ReadFile("/proc/thread-self/mountinfo")
	if err != nil {
		return fmt.Errorf("disk: whose file system %s is on cannot be told: %w", path, err)
	}
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return err
	}
	root, at := mountOf(string(table), real)
	if root != "/" || at == "/" {
		return fmt.Errorf("disk: %s is a part of a larger file system, which has others in it: it is not filled; give size instead, or mount a volume with a file system of its own (type tmpfs)", path)
	}
	return nil
}

// mountOf finds the mount that a path is on: where in its file system it begins,
// and where it is mounted. Of mounts on one place the last counts.
func mountOf(table, path string) (root, at string) {
	for line := range strings.Lines(table) {
		fields := strings.Fields(line)
		if len(fields) < 5 {
			continue
		}
		point := unescape.Replace(fields[4])
		inside := path == point || point == "/" || strings.HasPrefix(path, point+"/")
		if inside && len(point) >= len(at) {
			root, at = unescape.Replace(fields[3]), point
		}
	}
	return root, at
}

var unescape = strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`)

// unnamed opens a file that has no name, or loses it at once.
func unnamed(dir string) (*os.File, error) {
	file, err := os.OpenFile(dir, os.O_WRONLY|unix.O_TMPFILE, 0o600)
	if err == nil {
		return file, nil
	}
	named, second := os.CreateTemp(dir, ".shakedown-*")
	if second != nil {
		return nil, second
	}
	if err := os.Remove(named.Name()); err != nil {
		_ = named.Close()
		return nil, err
	}
	return named, nil
}

// take allocates so much. To fill something up, it ends where there is no more.
func (f *filler) take(wanted, block int64, up bool, closed <-chan struct{}) error {
	allocate := unix.Fallocate
	for step := int64(extent); f.bytes.Load() < wanted; {
		select {
		case <-closed:
			return errors.New("the agent is ending")
		default:
		}
		n := min(step, wanted-f.bytes.Load())
		err := allocate(int(f.file.Fd()), 0, f.bytes.Load(), n)
		switch {
		case err == nil:
			f.bytes.Add(n)
		case errors.Is(err, unix.EINTR):
		case errors.Is(err, unix.EOPNOTSUPP):
			allocate = writeOut
		case errors.Is(err, unix.ENOSPC) && up && step > block:
			step /= 2
		case errors.Is(err, unix.ENOSPC) && up:
			return nil
		default:
			return err
		}
	}
	return nil
}

// writeOut is Fallocate where the file system has none.
func writeOut(fd int, _ uint32, at, length int64) error {
	for end := at + length; at < end; {
		n, err := unix.Pwrite(fd, nothing[:min(chunk, end-at)], at)
		if err != nil {
			return err
		}
		at += int64(n)
	}
	return nil
}

func (f *filler) counters() map[string]int64 { return map[string]int64{"bytes": f.bytes.Load()} }
func (*filler) held() int64                  { return 0 }

func (f *filler) release() error { return f.file.Close() }

// InUse is the share of the file system at a path that is in use, as df counts.
func InUse(path string) (float64, error) {
	var fs unix.Statfs_t
	if err := unix.Statfs(path, &fs); err != nil {
		return 0, &os.PathError{Op: "statfs", Path: path, Err: err}
	}
	used := fs.Blocks - fs.Bfree
	if used+fs.Bavail == 0 {
		return 0, fmt.Errorf("the file system of %s does not tell its size", path)
	}
	return float64(used) / float64(used+fs.Bavail), nil
}
