package netfault

import (
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/nftables/expr"
	"github.com/google/nftables/xt"
	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// Of linux/netfilter/nfnetlink_queue.h.
const (
	queuePacket       = 0
	queueVerdict      = 1
	queueConfig       = 2
	queueVerdictBatch = 3

	attrPacketHeader  = 1
	attrVerdictHeader = 2
	attrPayload       = 10
	attrCapturedLen   = 13

	attrConfigCommand = 1
	attrConfigParams  = 2
	attrConfigLength  = 3
	attrConfigMask    = 4
	attrConfigFlags   = 5

	queueBind     = 1
	copyMeta      = 1
	copyPacket    = 2
	queueFailOpen = 1
	queueGSO      = 4

	verdictDrop   = 0
	verdictAccept = 1

	// failOpen is of rules: without a reader packets go on. A rule without it drops
	// what nobody reads.
	failOpen = 1

	nlaTypeMask = 0x3fff
)

const (
	// firstQueue and the numbers after it are tried in turn; hole is a queue that
	// nobody reads.
	firstQueue = 0x5d00
	queueCount = 0x100
	hole       = 0x5dff
	// queueLength is how many packets wait at most; those beyond go on unharmed. It is
	// 50 ms of 600,000/s.
	queueLength = 32 << 10
	// coarse is the rate above which packets are taken as the kernel merged them, up to 64 KiB at
	// a time: there that is less than 4 ms, and one by one would be too many.
	coarse  = 16 << 20
	forever = time.Duration(1<<63 - 1)
	// linger is how long a queue is still read after its end, for packets that met the rule
	// a moment before it was gone.
	linger = 20 * time.Millisecond
)

// Rules hand packets to a queue in one of two ways, by what the kernel has.
type queueing int

const (
	noQueue queueing = iota
	nativeQueue
	compatQueue // the target of iptables, through nft_compat
)

// expression hands a packet to a queue.
func (q queueing) expression(number uint16, flags uint16) expr.Any {
	if q == nativeQueue {
		return &expr.Queue{Num: number, Flag: expr.QueueFlag(flags)}
	}
	info := make([]byte, 8) // struct xt_NFQ_info_v3, padded
	binary.NativeEndian.PutUint16(info, number)
	binary.NativeEndian.PutUint16(info[2:], 1)
	binary.NativeEndian.PutUint16(info[4:], flags)
	return &expr.Target{Name: "NFQUEUE", Rev: 3, Info: (*xt.Unknown)(&info)}
}

// queueChain is the chain that hands packets to a queue.
func queueChain(number uint16) string { return fmt.Sprintf("queue-%d", number) }

// line is a queue and what holds packets of one direction up in it. A goroutine of
// its own reads and releases; the kernel keeps the packets.
type line struct {
	sock   *socket
	number uint16
	shape  *shape
	start  time.Time
	stop   int // an eventfd
	// released is closed when no packet is held any more.
	released chan struct{}
	ending   bool

	ids   []uint32 // held, in order
	times []time.Duration
	head  int
	out   []byte

	taken, lost, late atomic.Int64
}

// openLine takes a queue that is free and begins to serve it, on a goroutine of the group.
func openLine(s *shape, group *sync.WaitGroup) (*line, error) {
	l := &line{shape: s, start: time.Now(), released: make(chan struct{})}
	var err error
	if l.sock, err = openSocket(); err != nil {
		return nil, err
	}
	if err = l.bind(); err == nil {
		if l.stop, err = unix.Eventfd(0, unix.EFD_CLOEXEC); err != nil {
			err = fmt.Errorf("open an eventfd: %w", err)
		}
	}
	if err != nil {
		_ = l.sock.Close()
		return nil, err
	}
	// Full buffers are the kernel's matter: it lets packets go on unharmed.
	_ = unix.SetsockoptInt(l.sock.fd, unix.SOL_NETLINK, unix.NETLINK_NO_ENOBUFS, 1)
	if err := unix.SetNonblock(l.sock.fd, true); err != nil {
		_ = l.sock.Close()
		_ = unix.Close(l.stop)
		return nil, fmt.Errorf("set a netlink socket to not block: %w", err)
	}
	group.Go(l.serve)
	return l, nil
}

// bind finds a queue that nobody has.
func (l *line) bind() error {
	var err error
	for n := range uint16(queueCount) {
		l.number = firstQueue + n
		if l.number == hole {
			continue
		}
		if err = l.configure(netlink.Attribute{Type: attrConfigCommand, Data: []byte{queueBind, 0, 0, 0}}); err == nil {
			break
		}
		if !errors.Is(err, unix.EPERM) && !errors.Is(err, unix.EBUSY) { // those say that somebody has it
			return err
		}
	}
	if err != nil {
		return fmt.Errorf("no queue is free: %w", err)
	}
	params := append(binary.BigEndian.AppendUint32(nil, 0), copyMeta)
	flags := uint32(queueFailOpen | queueGSO)
	if l.shape.measures() {
		params = append(binary.BigEndian.AppendUint32(nil, 4), copyPacket) // for its length
		if l.shape.Rate < coarse {
			flags = queueFailOpen
		}
	}
	return l.configure(
		netlink.Attribute{Type: attrConfigParams, Data: params},
		number(attrConfigLength, queueLength),
		number(attrConfigMask, queueFailOpen|queueGSO), number(attrConfigFlags, flags))
}

func (l *line) configure(list ...netlink.Attribute) error {
	return l.sock.request(message{
		what: "take a queue of packets", kind: unix.NFNL_SUBSYS_QUEUE<<8 | queueConfig,
		resource: l.number, body: attributes(list...),
	})
}

// close lets go of all packets, and of the queue a moment later. Rules that hand packets
// to it have to be gone, so that none comes after.
func (l *line) close() {
	_, _ = unix.Write(l.stop, binary.NativeEndian.AppendUint64(nil, 1))
	<-l.released
}

func (l *line) now() time.Duration { return time.Since(l.start) }

// serve reads packets, and gives verdicts when their time has come.
func (l *line) serve() {
	fds := []unix.PollFd{{Fd: int32(l.sock.fd), Events: unix.POLLIN}, {Fd: int32(l.stop), Events: unix.POLLIN}}
	for fds[1].Revents == 0 {
		if _, err := unix.Ppoll(fds, l.patience(), nil); err != nil && !errors.Is(err, unix.EINTR) {
			break // without the queue packets go on
		}
		for l.read() {
			l.release(l.now())
		}
		l.release(l.now())
	}
	l.ending = true
	l.release(forever)
	close(l.released)
	// The end of the socket is that of the queue. It takes milliseconds, for which nobody waits.
	for end := l.now() + linger; l.now() < end; {
		left := unix.NsecToTimespec(int64(max(0, end-l.now())))
		_, _ = unix.Ppoll(fds[:1], &left, nil)
		for l.read() {
			l.release(forever)
		}
	}
	_ = l.sock.Close()
	_ = unix.Close(l.stop)
}

// patience is the time to the next release, nil for ever.
func (l *line) patience() *unix.Timespec {
	if l.head == len(l.ids) {
		return nil
	}
	wait := unix.NsecToTimespec(max(0, int64(l.times[l.head]-l.now())))
	return &wait
}

// read takes what the kernel has, a datagram at most, and says whether there was any.
func (l *line) read() bool {
	n, err := unix.Read(l.sock.fd, l.sock.buf)
	if err != nil {
		return errors.Is(err, unix.EINTR)
	}
	for b := l.sock.buf[:n]; len(b) >= unix.NLMSG_HDRLEN+4; {
		size := int(binary.NativeEndian.Uint32(b))
		if size < unix.NLMSG_HDRLEN+4 || size > len(b) {
			return true
		}
		if binary.NativeEndian.Uint16(b[4:]) == unix.NFNL_SUBSYS_QUEUE<<8|queuePacket {
			l.take(b[unix.NLMSG_HDRLEN+4 : size])
		}
		b = b[min(len(b), (size+unix.NLMSG_ALIGNTO-1)&^(unix.NLMSG_ALIGNTO-1)):]
	}
	return true
}

// take decides about one packet.
func (l *line) take(b []byte) {
	id, size, ok := described(b)
	if !ok {
		return
	}
	now := l.now()
	if l.ending {
		l.ids, l.times = append(l.ids, id), append(l.times, now)
		return
	}
	l.taken.Add(1)
	at, drop := l.shape.decide(now, size)
	if drop {
		l.lost.Add(1)
		l.verdict(queueVerdict, verdictDrop, id)
		return
	}
	if l.shape.late(now, at) {
		l.late.Add(1)
	}
	l.ids, l.times = append(l.ids, id), append(l.times, at)
}

// described reads the number and the size of a packet; it runs for each and so
// makes nothing for the collector.
func described(b []byte) (id uint32, size int, ok bool) {
	for len(b) >= unix.NLA_HDRLEN {
		n := int(binary.NativeEndian.Uint16(b))
		if n < unix.NLA_HDRLEN || n > len(b) {
			break
		}
		data := b[unix.NLA_HDRLEN:n]
		switch binary.NativeEndian.Uint16(b[2:]) & nlaTypeMask {
		case attrPacketHeader:
			if len(data) >= 4 {
				id, ok = binary.BigEndian.Uint32(data), true
			}
		case attrPayload:
			size = max(size, len(data))
		case attrCapturedLen:
			if len(data) >= 4 {
				size = int(binary.BigEndian.Uint32(data))
			}
		}
		b = b[min(len(b), (n+unix.NLA_ALIGNTO-1)&^(unix.NLA_ALIGNTO-1)):]
	}
	return id, size, ok
}

// release lets packets go whose time has come, all with one verdict: their numbers
// grow, and those that were dropped are not there any more.
func (l *line) release(now time.Duration) {
	n := l.head
	for n < len(l.ids) && l.times[n] <= now {
		n++
	}
	if n == l.head {
		return
	}
	l.verdict(queueVerdictBatch, verdictAccept, l.ids[n-1])
	l.head = n
	if l.head == len(l.ids) {
		l.ids, l.times, l.head = l.ids[:0], l.times[:0], 0
	} else if l.head > 4096 {
		l.ids, l.times, l.head = append(l.ids[:0], l.ids[l.head:]...), append(l.times[:0], l.times[l.head:]...), 0
	}
}

// verdict cannot be refused but for packets that are gone, with their interface.
func (l *line) verdict(kind uint16, verdict, id uint32) {
	b := binary.NativeEndian.AppendUint32(l.out[:0], unix.NLMSG_HDRLEN+4+unix.NLA_HDRLEN+8)
	b = binary.NativeEndian.AppendUint16(b, unix.NFNL_SUBSYS_QUEUE<<8|kind)
	b = binary.NativeEndian.AppendUint16(b, unix.NLM_F_REQUEST)
	b = append(b, 0, 0, 0, 0, 0, 0, 0, 0, unix.AF_UNSPEC, unix.NFNETLINK_V0)
	b = binary.BigEndian.AppendUint16(b, l.number)
	b = binary.NativeEndian.AppendUint16(b, unix.NLA_HDRLEN+8)
	b = binary.NativeEndian.AppendUint16(b, attrVerdictHeader)
	b = binary.BigEndian.AppendUint32(b, verdict)
	l.out = binary.BigEndian.AppendUint32(b, id)
	_, _ = unix.Write(l.sock.fd, l.out)
}
