package netfault

import (
	"bytes"
	"encoding/binary"
	"errors"
	"strings"
	"testing"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// FuzzAnswers has what comes from the kernel be anything.
func FuzzAnswers(f *testing.F) {
	f.Add(message{kind: 1, body: attributes(number(1, 2))}.append(nil, 3))
	f.Add(attributes(nested(attrTupleOrigin, nested(attrTupleIP, netlink.Attribute{Type: attrIPv4Source, Data: []byte{1, 2}}))))
	f.Add(attributes(nested(unix.NFTA_RULE_EXPRESSIONS, nested(unix.NFTA_LIST_ELEM, text(unix.NFTA_EXPR_NAME, "counter"), nested(unix.NFTA_EXPR_DATA)))))
	f.Fuzz(func(_ *testing.T, b []byte) {
		_, _ = split(b)
		_ = refused(b)
		_, _, _ = counterOf(b)
		_, _ = readFlow(b)
		_, _, _ = described(b)
	})
}

func TestSplitTakesMessagesApart(t *testing.T) {
	b := message{kind: 7, body: []byte{1}}.append(nil, 1)
	b = message{kind: 8, body: []byte{2, 3}}.append(b, 2)
	got, err := split(b)
	if err != nil || len(got) != 2 || got[0].Header.Type != 7 || got[1].Header.Sequence != 2 || !bytes.Equal(got[1].Data[4:], []byte{2, 3}) {
		t.Fatalf("%+v, %v", got, err)
	}
	if _, err := split(b[:len(b)-3]); err == nil {
		t.Error("half a message is taken for one")
	}
}

func TestRefusedReadsTheKernelsWords(t *testing.T) {
	code := int32(unix.ENOENT)
	b := binary.NativeEndian.AppendUint32(nil, uint32(-code))
	b = append(b, make([]byte, unix.NLMSG_HDRLEN)...)
	if err := refused(b); !errors.Is(err, unix.ENOENT) {
		t.Errorf("%v", err)
	}
	if err := refused(append(b, attributes(text(unix.NLMSGERR_ATTR_MSG, "no such thing"))...)); !errors.Is(err, unix.ENOENT) || !strings.Contains(err.Error(), "no such thing") {
		t.Errorf("%v", err)
	}
	if err := refused(make([]byte, 20)); err != nil {
		t.Errorf("an acknowledgement is taken for %v", err)
	}
}

// TestBatchIsAllOrNothing has the kernel refuse the last of some messages.
func TestBatchIsAllOrNothing(t *testing.T) {
	n := opened(t, Config{})
	err := n.kernel.batch([]message{n.table.addChain(chain{name: "new"}), n.table.flush("never made"), n.table.addChain(chain{name: "newer"})})
	if !errors.Is(err, unix.ENOENT) || !strings.Contains(err.Error(), "flush the nftables chain never made") {
		t.Fatalf("%v", err)
	}
	if err := n.kernel.batch([]message{n.table.flush("new")}); !errors.Is(err, unix.ENOENT) {
		t.Fatalf("the first of the messages was done: %v", err)
	}
	if err := n.kernel.batch([]message{n.table.addChain(chain{name: "new"})}); err != nil {
		t.Fatalf("the socket has lost count of its answers: %v", err)
	}
}

// TestTableIsNobodyElses has another socket try to change it.
func TestTableIsNobodyElses(t *testing.T) {
	n := opened(t, Config{})
	s, err := openSocket()
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.batch([]message{n.table.delete()}); !errors.Is(err, unix.EPERM) {
		t.Fatalf("%v, want it refused", err)
	}
}
