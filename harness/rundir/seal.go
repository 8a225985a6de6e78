package rundir

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/shakedown-dev/shakedown/harness/journal"
)

// Format is the version of the run directory that this program writes: how its
// files are laid out and what their members mean. It goes up when a program of the
// version before would read a run wrongly; that there are more members or more kinds
// of events is no new version. Runs from before there was a number have 0.
const Format = 1

// A Seal is what seal.json holds: what the files of a run were when it ended. It is
// written once, when the journal has been closed, and never by those who judge or
// report a stored run. It tells damage and editing from what the run recorded; it is no
// signature, for whoever can change the journal can change it too.
type Seal struct {
	Format int               `json:"format"`
	Files  map[string]Digest `json:"files"` // by name in the run directory
}

// A Digest is the length and the SHA-256, in hex, of a file.
type Digest struct {
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
}

// sealed are the files that verdicts and reports are made from.
func sealed() []string { return []string{intentFile, journal.EventsFile, journal.LatencyFile} }

// Seal writes seal.json.
func (d Dir) Seal() error {
	seal := Seal{Format: Format, Files: map[string]Digest{}}
	for _, name := range sealed() {
		digest, err := digestOf(filepath.Join(string(d), name))
		if err != nil {
			return fmt.Errorf("seal the run: %w", err)
		}
		seal.Files[name] = digest
	}
	b, err := render(seal)
	if err != nil {
		return fmt.Errorf("render %s: %w", sealFile, err)
	}
	return WriteFile(d.sealPath(), b)
}

func (d Dir) sealPath() string { return filepath.Join(string(d), sealFile) }

// Changes says, in words for a reader of the report, in what the files of a run are
// not as it left them, and whether a newer program wrote them; none when nothing
// speaks against them. A run that never ended has no seal and so no changes: that it
// did not end stands in its record. Runs of before there were seals have none either.
func (d Dir) Changes(intent Intent, ended bool) []string {
	var seal Seal
	err := read(d.sealPath(), &seal)
	switch newest := max(intent.Format, seal.Format); {
	case newest > Format:
		return []string{fmt.Sprintf("the run was written in format %d, and this version of shakedown knows formats up to %d: what is new in it was not read; use the version that made the run (%s)",
			newest, Format, orUnknown(intent.Version))}
	case errors.Is(err, fs.ErrNotExist) && ended && intent.Format >= 1:
		return []string{sealFile + " is missing: nobody can tell whether the files of the run are as it left them"}
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return []string{err.Error()}
	}
	var changes []string
	for _, name := range sealed() {
		if text := d.changed(name, seal.Files[name]); text != "" {
			changes = append(changes, text)
		}
	}
	return changes
}

// changed says in what a file is not what its digest tells, "" if it is.
func (d Dir) changed(name string, was Digest) string {
	if was.SHA256 == "" {
		return fmt.Sprintf("%s says nothing of %s: nobody can tell whether it is as the run left it", sealFile, name)
	}
	is, err := digestOf(filepath.Join(string(d), name))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return name + " is missing, and was there when the run ended"
	case err != nil:
		return err.Error()
	case is.Bytes != was.Bytes:
		return fmt.Sprintf("%s is not as the run left it: it has %d bytes and had %d", name, is.Bytes, was.Bytes)
	case is != was:
		return fmt.Sprintf("%s is not as the run left it: its SHA-256 is %.12s and was %.12s", name, is.SHA256, was.SHA256)
	}
	return ""
}

func orUnknown(version string) string {
	if version == "" {
		return "which is not known"
	}
	return version
}

// digestOf reads a file to its end.
func digestOf(path string) (Digest, error) {
	file, err := os.Open(path)
	if err != nil {
		return Digest{}, err
	}
	defer func() { _ = file.Close() }() // only read
	sum := sha256.New()
	n, err := io.Copy(sum, file)
	if err != nil {
		return Digest{}, fmt.Errorf("read %s: %w", path, err)
	}
	return Digest{Bytes: n, SHA256: hex.EncodeToString(sum.Sum(nil))}, nil
}
