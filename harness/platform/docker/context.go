package docker

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/docker/docker/api/types/build"
	"github.com/moby/patternmatcher"
	"github.com/moby/patternmatcher/ignorefile"
)

// outsideDockerfile is what a Dockerfile that is not a file of the context is
// called in what is sent.
const outsideDockerfile = ".shakedown.Dockerfile"

// packContext streams a build context as the engine wants it: a tar without
// what .dockerignore names, with owners left out, so that equal files hit the
// builder's cache whoever builds. Closing the reader ends the packing.
func packContext(b *types.BuildConfig, options *build.ImageBuildOptions) (io.ReadCloser, error) {
	root := b.Context
	if info, err := os.Stat(root); err != nil {
		return nil, err
	} else if !info.IsDir() {
		return nil, errors.New("the context is not a directory")
	}
	extra, err := dockerfile(b, options)
	if err != nil {
		return nil, err
	}
	ignored, err := ignorePatterns(root, options.Dockerfile)
	if err != nil {
		return nil, err
	}
	matcher, err := patternmatcher.New(ignored)
	if err != nil {
		return nil, fmt.Errorf("read .dockerignore: %w", err)
	}
	r, w := io.Pipe()
	go func() {
		packed := tar.NewWriter(w)
		err := packTree(packed, root, matcher, options.Dockerfile)
		if err == nil && extra != nil {
			err = packBytes(packed, options.Dockerfile, extra)
		}
		_ = w.CloseWithError(errors.Join(err, packed.Close())) // nil is an end of file
	}()
	return r, nil
}

// dockerfile sets where the Dockerfile is in the context, and returns its
// content if it has to be added.
func dockerfile(b *types.BuildConfig, options *build.ImageBuildOptions) ([]byte, error) {
	if b.DockerfileInline != "" {
		options.Dockerfile = outsideDockerfile
		return []byte(b.DockerfileInline), nil
	}
	path := options.Dockerfile
	if !filepath.IsAbs(path) {
		path = filepath.Join(b.Context, path)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the Dockerfile: %w", err)
	}
	inside, err := filepath.Rel(b.Context, path)
	if err == nil && filepath.IsLocal(inside) {
		options.Dockerfile = filepath.ToSlash(inside)
		return nil, nil
	}
	options.Dockerfile = outsideDockerfile
	return content, nil
}

// ignorePatterns reads <Dockerfile>.dockerignore, else .dockerignore.
func ignorePatterns(root, dockerfile string) ([]string, error) {
	for _, name := range []string{dockerfile + ".dockerignore", ".dockerignore"} {
		content, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name)))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		return ignorefile.ReadAll(bytes.NewReader(content))
	}
	return nil, nil
}

// packTree packs the files below root. The Dockerfile goes along even if it is
// ignored, because the builder reads it from there.
func packTree(packed *tar.Writer, root string, ignored *patternmatcher.PatternMatcher, dockerfile string) error {
	return filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, path)
		if err != nil || name == "." {
			return err
		}
		slashed := filepath.ToSlash(name)
		skip, err := ignored.MatchesOrParentMatches(name)
		if err != nil {
			return err
		}
		leads := entry.IsDir() && strings.HasPrefix(dockerfile, slashed+"/")
		if skip && slashed != dockerfile && !leads {
			if entry.IsDir() && !ignored.Exclusions() {
				return filepath.SkipDir
			}
			return nil // an exception below a directory is packed without it
		}
		return packFile(packed, path, slashed, entry)
	})
}

func packFile(packed *tar.Writer, path, name string, entry fs.DirEntry) error {
	info, err := entry.Info()
	if err != nil {
		return err
	}
	link := ""
	switch {
	case info.Mode()&fs.ModeSymlink != 0:
		if link, err = os.Readlink(path); err != nil {
			return err
		}
	case !info.Mode().IsRegular() && !info.IsDir():
		return nil // sockets and devices are no input of a build
	}
	header, err := tar.FileInfoHeader(info, link)
	if err != nil {
		return err
	}
	header.Name = name
	if info.IsDir() {
		header.Name += "/"
	}
	header.Uid, header.Gid, header.Uname, header.Gname = 0, 0, "", ""
	if err := packed.WriteHeader(header); err != nil || !info.Mode().IsRegular() {
		return err
	}
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	_, err = io.Copy(packed, file)
	return err
}

func packBytes(packed *tar.Writer, name string, content []byte) error {
	header := &tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o600, Size: int64(len(content))}
	if err := packed.WriteHeader(header); err != nil {
		return err
	}
	_, err := packed.Write(content)
	return err
}
