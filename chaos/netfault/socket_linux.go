package netfault

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// socketBuffer is what a socket asks the kernel for: answers to a batch, and
// packets that have not been read yet, wait in it.
const socketBuffer = 4 << 20

// socket is a netlink socket to netfilter, bound to the network namespace of the
// thread that opened it. Tables and queues that it makes live as long as it does.
// One goroutine uses it at a time.
type socket struct {
	fd   int
	last uint32 // sequence number
	buf  []byte
}

// message is a request to a subsystem of netfilter.
type message struct {
	what     string // for errors: "add rule"
	kind     uint16 // subsystem and type
	flags    uint16
	family   uint8
	resource uint16
	body     []byte // attributes
}

func openSocket() (*socket, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_NETFILTER)
	if err != nil {
		return nil, fmt.Errorf("open a netlink socket to netfilter: %w", err)
	}
	s := &socket{fd: fd, buf: make([]byte, 64<<10)}
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		_ = s.Close()
		return nil, fmt.Errorf("bind a netlink socket: %w", err)
	}
	if unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, socketBuffer) != nil {
		// Without rights over the machine the system's limit holds.
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, socketBuffer)
	}
	// Better messages where the kernel has them; answers without the request in them.
	_ = unix.SetsockoptInt(fd, unix.SOL_NETLINK, unix.NETLINK_EXT_ACK, 1)
	_ = unix.SetsockoptInt(fd, unix.SOL_NETLINK, unix.NETLINK_CAP_ACK, 1)
	// The kernel answers before the request returns; this is against waiting for what never comes.
	patience := unix.NsecToTimeval((2 * time.Second).Nanoseconds())
	_ = unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &patience)
	return s, nil
}

// Close takes away everything that belongs to the socket.
func (s *socket) Close() error { return unix.Close(s.fd) }

// append encodes a message behind others.
func (m message) append(b []byte, seq uint32) []byte {
	b = binary.NativeEndian.AppendUint32(b, uint32(unix.NLMSG_HDRLEN+4+len(m.body)))
	b = binary.NativeEndian.AppendUint16(b, m.kind)
	b = binary.NativeEndian.AppendUint16(b, m.flags|unix.NLM_F_REQUEST)
	b = binary.NativeEndian.AppendUint32(b, seq)
	b = binary.NativeEndian.AppendUint32(b, 0)
	b = append(b, m.family, unix.NFNETLINK_V0)
	b = binary.BigEndian.AppendUint16(b, m.resource)
	b = append(b, m.body...)
	for len(b)%unix.NLMSG_ALIGNTO != 0 {
		b = append(b, 0)
	}
	return b
}

// request sends one message and waits for the kernel's word on it.
func (s *socket) request(m message) error {
	s.last++
	m.flags |= unix.NLM_F_ACK
	if err := s.send(m.append(nil, s.last)); err != nil {
		return fmt.Errorf("%s: %w", m.what, err)
	}
	return s.acks([]message{m}, s.last)
}

// batch does all of the messages or, after an error, none of them.
func (s *socket) batch(messages []message) error {
	if len(messages) == 0 {
		return nil
	}
	edge := message{resource: unix.NFNL_SUBSYS_NFTABLES}
	edge.kind = unix.NFNL_MSG_BATCH_BEGIN
	first := s.last + 1
	b := edge.append(nil, first)
	for i, m := range messages {
		if i == len(messages)-1 {
			m.flags |= unix.NLM_F_ACK // errors come for each message, and before this
		}
		b = m.append(b, first+1+uint32(i))
	}
	s.last = first + uint32(len(messages)) + 1
	edge.kind = unix.NFNL_MSG_BATCH_END
	b = edge.append(b, s.last)
	if err := s.send(b); err != nil {
		return fmt.Errorf("send %d messages to nftables: %w", len(messages), err)
	}
	return s.acks(messages, first+1)
}

func (s *socket) send(b []byte) error {
	return unix.Sendto(s.fd, b, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK})
}

// acks reads until the last of the messages, which have the numbers from first on,
// has been answered, and returns the first refusal.
func (s *socket) acks(messages []message, first uint32) error {
	var refusal error
	for {
		replies, err := s.receive()
		if err != nil {
			return errors.Join(refusal, err)
		}
		for _, r := range replies {
			at := int64(r.Header.Sequence) - int64(first)
			if r.Header.Type != netlink.Error || at < -1 || at >= int64(len(messages)) {
				continue // of an earlier request
			}
			what := "commit"
			if at >= 0 {
				what = messages[at].what
			}
			err := refused(r.Data)
			if err != nil && refusal == nil {
				refusal = fmt.Errorf("%s: %w", what, err)
			}
			if at == int64(len(messages))-1 || at == -1 && errors.Is(err, unix.EPERM) {
				return refusal // without the right to, the kernel reads no further
			}
		}
	}
}

// refused is the error in an acknowledgement, nil for none.
func refused(b []byte) error {
	if len(b) < 4 {
		return errors.New("the kernel's answer is cut short")
	}
	code := int32(binary.NativeEndian.Uint32(b))
	if code == 0 {
		return nil
	}
	err := unix.Errno(-code)
	if len(b) > 4+unix.NLMSG_HDRLEN {
		if ad, bad := netlink.NewAttributeDecoder(b[4+unix.NLMSG_HDRLEN:]); bad == nil {
			for ad.Next() {
				if ad.Type() == unix.NLMSGERR_ATTR_MSG {
					return fmt.Errorf("%w (%s)", err, ad.String())
				}
			}
		}
	}
	return err
}

// dump asks for a list and hands over the attributes of every entry; they are
// valid during the call.
func (s *socket) dump(m message, each func(attributes []byte) error) error {
	s.last++
	m.flags |= unix.NLM_F_DUMP
	if err := s.send(m.append(nil, s.last)); err != nil {
		return fmt.Errorf("%s: %w", m.what, err)
	}
	var failed error
	for {
		replies, err := s.receive()
		if err != nil {
			return fmt.Errorf("%s: %w", m.what, err)
		}
		for _, r := range replies {
			switch {
			case r.Header.Sequence != s.last:
			case r.Header.Type == netlink.Done:
				return failed
			case r.Header.Type == netlink.Error:
				return fmt.Errorf("%s: %w", m.what, refused(r.Data))
			case len(r.Data) >= 4 && failed == nil:
				failed = each(r.Data[4:])
			}
		}
	}
}

// get asks for one thing and returns its attributes.
func (s *socket) get(m message) ([]byte, error) {
	s.last++
	if err := s.send(m.append(nil, s.last)); err != nil {
		return nil, fmt.Errorf("%s: %w", m.what, err)
	}
	for {
		replies, err := s.receive()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", m.what, err)
		}
		for _, r := range replies {
			switch {
			case r.Header.Sequence != s.last:
			case r.Header.Type == netlink.Error:
				return nil, fmt.Errorf("%s: %w", m.what, refused(r.Data))
			case len(r.Data) >= 4:
				return r.Data[4:], nil
			}
		}
	}
}

// receive reads what is there next; it is valid until the next call.
func (s *socket) receive() ([]netlink.Message, error) {
	for {
		n, err := unix.Read(s.fd, s.buf)
		switch {
		case errors.Is(err, unix.EINTR):
		case errors.Is(err, unix.EAGAIN):
			return nil, fmt.Errorf("the kernel does not answer: %w", os.ErrDeadlineExceeded)
		case err != nil:
			return nil, fmt.Errorf("read the kernel's answer: %w", err)
		default:
			return split(s.buf[:n])
		}
	}
}

// split takes a datagram of messages apart, without copying.
func split(b []byte) ([]netlink.Message, error) {
	var messages []netlink.Message
	for len(b) >= unix.NLMSG_HDRLEN {
		size := int(binary.NativeEndian.Uint32(b))
		if size < unix.NLMSG_HDRLEN || size > len(b) {
			return nil, errors.New("the kernel's answer is cut short")
		}
		m := netlink.Message{Data: b[unix.NLMSG_HDRLEN:size]}
		m.Header.Type = netlink.HeaderType(binary.NativeEndian.Uint16(b[4:]))
		m.Header.Sequence = binary.NativeEndian.Uint32(b[8:])
		messages = append(messages, m)
		b = b[min(len(b), (size+unix.NLMSG_ALIGNTO-1)&^(unix.NLMSG_ALIGNTO-1)):]
	}
	return messages, nil
}

// attributes encodes what cannot fail: attributes far below the limit of their length.
func attributes(list ...netlink.Attribute) []byte {
	b, err := netlink.MarshalAttributes(list)
	if err != nil {
		panic(err) // an attribute over 64 KiB: a mistake in this package
	}
	return b
}

// text is an attribute with a string as the kernel wants them, with its end.
func text(kind uint16, s string) netlink.Attribute {
	return netlink.Attribute{Type: kind, Data: append([]byte(s), 0)}
}

// number is an attribute with an integer in network order.
func number(kind uint16, n uint32) netlink.Attribute {
	return netlink.Attribute{Type: kind, Data: binary.BigEndian.AppendUint32(nil, n)}
}

// nested is an attribute made of attributes.
func nested(kind uint16, list ...netlink.Attribute) netlink.Attribute {
	return netlink.Attribute{Type: kind | unix.NLA_F_NESTED, Data: attributes(list...)}
}
