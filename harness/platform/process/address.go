package process

import (
	"errors"
	"fmt"
	"hash/fnv"
	"net"
	"runtime"
	"sync"
	"syscall"
)

// Each run holds blocks 127.<a>.<b>.0/24 of loopback addresses, with a in
// 64..127. A block is held by a UDP socket on its first address, which the
// kernel frees however the harness ends; that no two runs share a block so
// needs no file and no cleaning.
const (
	firstA, blocksOfA = 64, 64
	blocks            = blocksOfA * 256
	claimPort         = 47511
	firstHost         = 2
	lastHost          = 254
)

type addresses struct {
	mu    sync.Mutex
	start int // where the search for a free block begins
	tried int
	held  []net.PacketConn
	block string // "127.70.12", of the next address
	next  int    // host number of the next address
	given map[place]string
}

type place struct {
	service string
	n       int
}

// claimAddresses takes a run's first block.
func claimAddresses(run string) (*addresses, error) {
	hash := fnv.New32a()
	_, _ = hash.Write([]byte(run))
	a := &addresses{start: int(hash.Sum32() % blocks), given: map[place]string{}}
	return a, a.claim()
}

// claim takes the next free block.
func (a *addresses) claim() error {
	for ; a.tried < blocks; a.tried++ {
		number := (a.start + a.tried) % blocks
		block := fmt.Sprintf("127.%d.%d", firstA+number/256, number%256)
		lock, err := net.ListenPacket("udp4", fmt.Sprintf("%s.1:%d", block, claimPort))
		if errors.Is(err, syscall.EADDRINUSE) {
			continue
		}
		if err != nil {
			return fmt.Errorf("claim loopback addresses %s.0/24: %w%s", block, err, loopbackHint())
		}
		a.tried++
		a.held = append(a.held, lock)
		a.block, a.next = block, firstHost
		return nil
	}
	return errors.New("claim loopback addresses: all blocks from 127.64.0.0 to 127.127.255.0 are held by other runs; " +
		"remove what is left of them with: shakedown clean")
}

func loopbackHint() string {
	if runtime.GOOS == "linux" {
		return ""
	}
	return "; this system may answer on 127.0.0.1 alone, in which case instances need a container engine (--platform docker)"
}

// of is the address of a place, a new one the first time.
func (a *addresses) of(service string, n int) string {
	a.mu.Lock()
	defer a.mu.Unlock()
	at := place{service, n}
	if address, ok := a.given[at]; ok {
		return address
	}
	if a.next > lastHost && a.claim() != nil {
		return ""
	}
	address := fmt.Sprintf("%s.%d", a.block, a.next)
	a.next++
	a.given[at] = address
	return address
}

// release lets other runs have the blocks.
func (a *addresses) release() {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, lock := range a.held {
		_ = lock.Close()
	}
	a.held = nil
}
