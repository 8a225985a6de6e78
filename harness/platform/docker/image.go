package docker

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/compose-spec/compose-go/v2/types"
	cerrdefs "github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/image"
)

// images is what the platform remembers of images. It is safe for concurrent
// use.
type images struct {
	mu       sync.Mutex
	turns    map[string]*sync.Mutex // by image: services that share one wait for each other
	silent   map[string]error       // registries that did not answer
	programs map[string]string      // images of programs, by path, size and time
}

// turn is the lock of one image.
func (i *images) turn(ref string) *sync.Mutex {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.turns == nil {
		i.turns, i.silent, i.programs = map[string]*sync.Mutex{}, map[string]error{}, map[string]string{}
	}
	if i.turns[ref] == nil {
		i.turns[ref] = &sync.Mutex{}
	}
	return i.turns[ref]
}

// imageRef is the image of a service. One that is only built gets a name made
// from where it is built, so that projects do not share it.
func imageRef(service types.ServiceConfig) string {
	if service.Image != "" || service.Build == nil {
		return service.Image
	}
	b := service.Build
	place := sha256.Sum256([]byte(strings.Join([]string{b.Context, b.Dockerfile, b.DockerfileInline, b.Target}, "\x00")))
	return "shakedown-built-" + strings.ToLower(cmp.Or(service.Name, "service")) + ":" + hex.EncodeToString(place[:6])
}

// EnsureImage takes the image that is present, else pulls it, else builds it.
// The pull policies never and build leave the registry out, always asks it
// first. Private registries are not logged in to: pull such an image by hand
// and it is present.
func (p *Platform) EnsureImage(ctx context.Context, service types.ServiceConfig, build bool) (string, error) {
	ref := imageRef(service)
	if ref == "" {
		return "", fmt.Errorf("service %s has neither image nor build; add one", service.Name)
	}
	turn := p.images.turn(ref)
	turn.Lock()
	defer turn.Unlock()
	if build && service.Build != nil {
		return "built", p.build(ctx, ref, service)
	}
	present, err := p.hasImage(ctx, ref)
	if err != nil {
		return "", err
	}
	if present && service.PullPolicy != types.PullPolicyAlways {
		return "present", nil
	}
	notPulled := p.mayPull(ctx, ref, service)
	switch {
	case notPulled == nil:
		return "pulled", nil
	case ctx.Err() != nil:
		return "", fmt.Errorf("image %s of service %s: %w", ref, service.Name, context.Cause(ctx))
	case present:
		return "present", nil
	}
	notBuilt := errors.New("the service has no build section")
	if service.Build != nil {
		if notBuilt = p.build(ctx, ref, service); notBuilt == nil {
			return "built", nil
		}
	}
	return "", fmt.Errorf("image %s of service %s is not on this engine and could not be had: pull: %w; build: %w; "+
		"load it by hand (docker pull, docker load or docker build -t %s) and run again", ref, service.Name, notPulled, notBuilt, ref)
}

func (p *Platform) hasImage(ctx context.Context, ref string) (bool, error) {
	_, err := p.engine.ImageInspect(ctx, ref)
	if cerrdefs.IsNotFound(err) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("look for image %s: %w", ref, err)
	}
	return true, nil
}

// mayPull pulls if the service allows it.
func (p *Platform) mayPull(ctx context.Context, ref string, service types.ServiceConfig) error {
	switch {
	case service.Image == "":
		return errors.New("the service names no image")
	case service.PullPolicy == types.PullPolicyNever || service.PullPolicy == types.PullPolicyBuild:
		return fmt.Errorf("not allowed by pull_policy: %s", service.PullPolicy)
	}
	return p.pull(ctx, ref, service.Platform)
}

// How long a registry may keep silent: before its first word, because there
// may be none, and between words.
const (
	firstWord = 5 * time.Second
	nextWord  = time.Minute
)

// pull pulls an image from a registry that answers. One that did not is not
// asked again.
func (p *Platform) pull(ctx context.Context, ref, platform string) error {
	registry := registryOf(ref)
	p.images.mu.Lock()
	silent := p.images.silent[registry]
	p.images.mu.Unlock()
	if silent != nil {
		return silent
	}
	noWord := fmt.Errorf("registry %s did not answer within %v", registry, firstWord)
	stalled := fmt.Errorf("registry %s sent nothing for %v", registry, nextWord)
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var answered atomic.Bool
	silence := time.AfterFunc(firstWord, func() {
		if answered.Load() {
			cancel(stalled)
		} else {
			cancel(noWord)
		}
	})
	defer silence.Stop()
	body, err := p.engine.ImagePull(ctx, ref, image.PullOptions{Platform: platform})
	if err == nil {
		defer func() { _ = body.Close() }()
		_, err = progress(body, func() {
			answered.Store(true)
			silence.Reset(nextWord)
		})
	}
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	if errors.Is(err, noWord) {
		p.images.mu.Lock()
		p.images.silent[registry] = noWord
		p.images.mu.Unlock()
	}
	return err
}

// registryOf is the host that an image reference names.
func registryOf(ref string) string {
	host, _, ok := strings.Cut(ref, "/")
	if !ok || !strings.ContainsAny(host, ".:") && host != "localhost" {
		return "docker.io"
	}
	return host
}
