package docker

import (
	"archive/tar"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/mount"

	"github.com/shakedown-dev/shakedown/harness/platform"
)

// engineParent is the control group in which an engine with the cgroupfs driver
// makes those of its containers.
const engineParent = "/docker"

// askPlacement finds out whether a container can be put into the control group
// of another.
func (p *Platform) askPlacement() error {
	ctx, cancel := context.WithTimeout(context.Background(), inspectPatience)
	defer cancel()
	info, err := p.engine.Info(ctx)
	switch {
	case err != nil:
		return fmt.Errorf("whether this engine can do %s is not known: %w", platform.CgroupPlacement, err)
	case info.CgroupDriver != "cgroupfs":
		return fmt.Errorf("this engine has no %s: its cgroup driver is %q, which keeps every container in a scope of its own; "+
			"run the engine with native.cgroupdriver=cgroupfs for faults that use up resources", platform.CgroupPlacement, info.CgroupDriver)
	case info.CgroupVersion == "2":
		return fmt.Errorf("this engine has no %s: its control groups are of version 2, where one that holds processes "+
			"cannot hold another with limits", platform.CgroupPlacement)
	}
	return nil
}

// place puts a container beside or within another, and gives it volumes of
// others and directories for its files.
func (p *Platform) place(plan *creation, spec platform.Spec) error {
	if spec.Beside != "" {
		beside, err := p.present(spec.Beside)
		if err != nil {
			return fmt.Errorf("be beside %w", err)
		}
		plan.host.NetworkMode = container.NetworkMode("container:" + beside.id)
		// An engine takes none of these together with another's network.
		plan.host.PortBindings, plan.config.ExposedPorts = nil, nil
		plan.config.Hostname, plan.config.Domainname = "", ""
		plan.host.DNS, plan.host.DNSOptions, plan.host.DNSSearch, plan.host.ExtraHosts = nil, nil, nil, nil
	}
	if spec.Within != "" {
		if err := p.placement(); err != nil {
			return err
		}
		within, err := p.present(spec.Within)
		if err != nil {
			return fmt.Errorf("be within %w", err)
		}
		plan.host.CgroupParent = path.Join(cmp.Or(within.parent, engineParent), within.id)
		plan.config.Labels[withinLabel] = plan.host.CgroupParent
	}
	for _, m := range spec.Mounts {
		if err := p.borrow(plan, m); err != nil {
			return err
		}
	}
	for _, dir := range directories(spec.Files) {
		// A volume, so that the file can be put into a container whose own files are
		// read only, and is not hidden by a tmpfs above.
		plan.host.Mounts = append(plan.host.Mounts, mount.Mount{
			Type: mount.TypeVolume, Target: dir, VolumeOptions: &mount.VolumeOptions{Labels: p.labels()},
		})
	}
	return nil
}

// borrow mounts a volume that another container has.
func (p *Platform) borrow(plan *creation, m platform.Mount) error {
	from, err := p.present(m.Instance)
	if err != nil {
		return fmt.Errorf("mount a volume of %w", err)
	}
	if !slices.Contains(from.volumes, m.Volume) {
		return fmt.Errorf("%s has no volume %s; it has %s", m.Instance, m.Volume, cmp.Or(strings.Join(from.volumes, ", "), "none with a name"))
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	plan.host.Mounts = append(plan.host.Mounts, mount.Mount{
		Type: mount.TypeVolume, Source: p.volumes[m.Volume], Target: m.Path, VolumeOptions: &mount.VolumeOptions{NoCopy: true},
	})
	return nil
}

// namedVolumes are the volumes of a service that have a name.
func namedVolumes(c types.ServiceConfig) []string {
	var names []string
	for _, v := range c.Volumes {
		if v.Type == types.VolumeTypeVolume && v.Source != "" {
			names = append(names, v.Source)
		}
	}
	return names
}

func directories(files []platform.File) []string {
	var all []string
	for _, file := range files {
		all = append(all, path.Dir(file.Path))
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// putFiles copies files into a container that was not started yet; it need not
// have any of its own.
func (p *Platform) putFiles(ctx context.Context, id string, files []platform.File) error {
	for _, dir := range directories(files) {
		packed, err := pack(files, dir)
		if err == nil {
			err = p.engine.CopyToContainer(ctx, id, dir, packed, container.CopyToContainerOptions{})
		}
		if err != nil {
			return fmt.Errorf("put files into %s: %w", dir, err)
		}
	}
	return nil
}

// pack is an archive of those files that are in a directory.
func pack(files []platform.File, dir string) (*bytes.Buffer, error) {
	packed := &bytes.Buffer{}
	w := tar.NewWriter(packed)
	var errs []error
	for _, file := range files {
		if path.Dir(file.Path) != dir {
			continue
		}
		header := &tar.Header{Typeflag: tar.TypeReg, Name: path.Base(file.Path), Mode: 0o444, Size: int64(len(file.Content))}
		errs = append(errs, w.WriteHeader(header))
		_, err := w.Write(file.Content)
		errs = append(errs, err)
	}
	return packed, errors.Join(append(errs, w.Close())...)
}
