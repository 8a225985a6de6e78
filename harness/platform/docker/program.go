package docker

import (
	"archive/tar"
	"context"
	"crypto/sha256"
	"debug/elf"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/docker/docker/api/types/image"
)

// programName is what a program is called in the image made of it.
const programName = "program"

// programImage is an image with nothing but a static program in it. Its tag is
// made from the program's content, so that it is made once and never stale.
func (p *Platform) programImage(ctx context.Context, path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", fmt.Errorf("program %s: %w; build it first (make build)", path, pathless(err))
	}
	key := fmt.Sprintf("%s %d %d", path, info.Size(), info.ModTime().UnixNano())
	turn := p.images.turn("program " + path)
	turn.Lock()
	defer turn.Unlock()
	p.images.mu.Lock()
	ref := p.images.programs[key]
	p.images.mu.Unlock()
	if ref != "" {
		return ref, nil
	}
	if err := checkProgram(path, p.arch); err != nil {
		return "", err
	}
	if ref, err = programRef(path); err != nil {
		return "", err
	}
	present, err := p.hasImage(ctx, ref)
	if err == nil && !present {
		err = p.importProgram(ctx, path, ref)
	}
	if err != nil {
		return "", err
	}
	p.images.mu.Lock()
	defer p.images.mu.Unlock()
	p.images.programs[key] = ref
	return ref, nil
}

func pathless(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}

// machines are the engine's architectures whose programs can be told.
var machines = map[string]elf.Machine{
	"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64, "386": elf.EM_386, "arm": elf.EM_ARM,
	"ppc64le": elf.EM_PPC64, "s390x": elf.EM_S390, "riscv64": elf.EM_RISCV,
}

// checkProgram finds out beforehand what a container would only say by "no such
// file or directory" or "exec format error".
func checkProgram(path, arch string) error {
	program, err := elf.Open(path)
	if err != nil {
		return fmt.Errorf("program %s is not a Linux program: %w; build it with GOOS=linux CGO_ENABLED=0", path, pathless(err))
	}
	defer func() { _ = program.Close() }()
	for _, part := range program.Progs {
		if part.Type == elf.PT_INTERP {
			return fmt.Errorf("program %s is linked dynamically, and the image made of it holds nothing else; "+
				"build it with CGO_ENABLED=0 (make build)", path)
		}
	}
	if want, ok := machines[arch]; ok && program.Machine != want {
		return fmt.Errorf("program %s is for %v, the engine runs %s; build it with GOARCH=%s", path, program.Machine, arch, arch)
	}
	return nil
}

func programRef(path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer func() { _ = file.Close() }()
	digest := sha256.New()
	if _, err := io.Copy(digest, file); err != nil {
		return "", err
	}
	return "shakedown-program:" + hex.EncodeToString(digest.Sum(nil)[:6]), nil
}

// importProgram makes an image from scratch: one layer with one file.
func (p *Platform) importProgram(ctx context.Context, path, ref string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	r, w := io.Pipe()
	defer func() { _ = r.Close() }()
	go func() { _ = w.CloseWithError(packProgram(w, file)) }()
	body, err := p.engine.ImageImport(ctx, image.ImportSource{Source: r, SourceName: "-"}, ref, image.ImportOptions{
		Message: "made by shakedown", Changes: []string{`ENTRYPOINT ["/` + programName + `"]`},
	})
	if err != nil {
		return fmt.Errorf("make image %s from %s: %w", ref, path, err)
	}
	defer func() { _ = body.Close() }()
	if _, err := progress(body, func() {}); err != nil {
		return fmt.Errorf("make image %s from %s: %w", ref, path, err)
	}
	return nil
}

func packProgram(w io.Writer, file *os.File) error {
	info, err := file.Stat()
	if err != nil {
		return err
	}
	packed := tar.NewWriter(w)
	header := &tar.Header{Typeflag: tar.TypeReg, Name: programName, Mode: 0o755, Size: info.Size()}
	if err := packed.WriteHeader(header); err != nil {
		return err
	}
	if _, err := io.Copy(packed, file); err != nil {
		return err
	}
	return packed.Close()
}
