package docker

import (
	"fmt"
	"os"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/mount"
)

// mount adds a service's volumes: named ones are the run's.
func (p *Platform) mount(host *container.HostConfig, c types.ServiceConfig) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, v := range c.Volumes {
		switch v.Type {
		case types.VolumeTypeBind:
			host.Binds = append(host.Binds, bind(v))
		case types.VolumeTypeTmpfs:
			m := mount.Mount{Type: mount.TypeTmpfs, Target: v.Target, ReadOnly: v.ReadOnly}
			if v.Tmpfs != nil {
				m.TmpfsOptions = &mount.TmpfsOptions{SizeBytes: int64(v.Tmpfs.Size), Mode: os.FileMode(v.Tmpfs.Mode)}
			}
			host.Mounts = append(host.Mounts, m)
		case types.VolumeTypeVolume:
			called := ""
			if v.Source != "" { // else anonymous, removed with the container
				ok := false
				if called, ok = p.volumes[v.Source]; !ok {
					return fmt.Errorf("volume %s has not been created", v.Source)
				}
			}
			options := &mount.VolumeOptions{Labels: p.labels()}
			if v.Volume != nil {
				options.NoCopy, options.Subpath = v.Volume.NoCopy, v.Volume.Subpath
			}
			host.Mounts = append(host.Mounts, mount.Mount{
				Type: mount.TypeVolume, Source: called, Target: v.Target, ReadOnly: v.ReadOnly, VolumeOptions: options,
			})
		}
	}
	return nil
}

// bind uses the short form, because it alone has the engine make a directory
// that is missing, as compose does.
func bind(v types.ServiceVolumeConfig) string {
	options := []string{"rw"}
	if v.ReadOnly {
		options[0] = "ro"
	}
	if v.Bind != nil {
		for _, option := range []string{v.Bind.SELinux, v.Bind.Propagation} {
			if option != "" {
				options = append(options, option)
			}
		}
	}
	return v.Source + ":" + v.Target + ":" + strings.Join(options, ",")
}

// Unsupported lists, in words for the user, what in a service would not work
// as its compose file says. It is empty for services that can be run.
func Unsupported(c types.ServiceConfig) []string {
	var refused []string
	refuse := func(present bool, what string) {
		if present {
			refused = append(refused, what)
		}
	}
	refuse(len(c.Configs) > 0, "configs (mount the file as a volume)")
	refuse(len(c.Secrets) > 0, "secrets (mount the file as a volume, or use the environment)")
	refuse(len(c.Models) > 0, "models")
	refuse(c.Provider != nil, "provider")
	refuse(len(c.PreStart)+len(c.PostStart)+len(c.PreStop) > 0, "life-cycle hooks (for a delay before SIGTERM there is drain.pre_stop in the scenario)")
	refuse(len(c.Gpus) > 0 || devicesReserved(c), "GPUs")
	refuse(len(c.VolumesFrom) > 0, "volumes_from (name the volumes)")
	refuse(len(c.ExternalLinks) > 0, "external_links (use an external network)")
	refuse(hasAlias(c.Links), "links with an alias (give the service a network alias)")
	refuse(c.UseAPISocket, "use_api_socket")
	refuse(c.CredentialSpec != nil, "credential_spec")
	refuse(c.BlkioConfig != nil, "blkio_config")
	for key, mode := range map[string]string{"network_mode": c.NetworkMode, "ipc": c.Ipc, "pid": c.Pid} {
		other := strings.HasPrefix(mode, "service:") || strings.HasPrefix(mode, "container:")
		refuse(other, key+": "+mode+" (instances come and go)")
	}
	for _, v := range c.Volumes {
		known := v.Type == types.VolumeTypeBind || v.Type == types.VolumeTypeTmpfs || v.Type == types.VolumeTypeVolume
		refuse(!known, "a volume of type "+v.Type)
	}
	return refused
}

func devicesReserved(c types.ServiceConfig) bool {
	if c.Deploy == nil || c.Deploy.Resources.Reservations == nil {
		return false
	}
	return len(c.Deploy.Resources.Reservations.Devices) > 0
}

func hasAlias(links []string) bool {
	for _, link := range links {
		if service, alias, ok := strings.Cut(link, ":"); ok && service != alias {
			return true
		}
	}
	return false
}
