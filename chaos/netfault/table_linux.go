package netfault

import (
	"encoding/binary"
	"fmt"

	"github.com/google/nftables/expr"
	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// tableOwned is NFT_TABLE_F_OWNER, since Linux 5.12: only the socket that made the
// table changes it, and the kernel deletes it when the socket closes.
const tableOwned = 2

// table is a table of nftables for both families of addresses.
type table string

// chain is where rules stand; hook 0 and priority 0 with an empty kind is one that
// is only jumped to.
type chain struct {
	name     string
	kind     string // "filter", "nat"
	hook     uint32
	priority int32
}

// rule is done to packets for which all of its expressions hold. With a counter
// its name tells what the packets are that it counts.
type rule struct {
	chain   string
	counter string
	exprs   []expr.Any
}

func nft(what string, kind uint16, flags uint16, list ...netlink.Attribute) message {
	return message{what: what, kind: unix.NFNL_SUBSYS_NFTABLES<<8 | kind, flags: flags, family: unix.NFPROTO_INET, body: attributes(list...)}
}

// create makes a table that must not be there yet.
func (t table) create(flags uint32) message {
	return nft("add the nftables table "+string(t), unix.NFT_MSG_NEWTABLE, unix.NLM_F_CREATE|unix.NLM_F_EXCL,
		text(unix.NFTA_TABLE_NAME, string(t)), number(unix.NFTA_TABLE_FLAGS, flags))
}

func (t table) delete() message {
	return nft("delete the nftables table "+string(t), unix.NFT_MSG_DELTABLE, 0, text(unix.NFTA_TABLE_NAME, string(t)))
}

func (t table) addChain(c chain) message {
	list := []netlink.Attribute{text(unix.NFTA_CHAIN_TABLE, string(t)), text(unix.NFTA_CHAIN_NAME, c.name)}
	if c.kind != "" {
		list = append(list,
			nested(unix.NFTA_CHAIN_HOOK, number(unix.NFTA_HOOK_HOOKNUM, c.hook), number(unix.NFTA_HOOK_PRIORITY, uint32(c.priority))),
			text(unix.NFTA_CHAIN_TYPE, c.kind))
	}
	return nft("add the nftables chain "+c.name, unix.NFT_MSG_NEWCHAIN, unix.NLM_F_CREATE, list...)
}

// flush takes all rules out of a chain.
func (t table) flush(name string) message {
	return nft("flush the nftables chain "+name, unix.NFT_MSG_DELRULE, 0, text(unix.NFTA_RULE_TABLE, string(t)), text(unix.NFTA_RULE_CHAIN, name))
}

// addRule puts a rule at the end of its chain.
func (t table) addRule(r rule) (message, error) {
	var exprs []netlink.Attribute
	for _, e := range r.exprs {
		b, err := expr.Marshal(unix.NFPROTO_INET, e)
		if err != nil {
			return message{}, fmt.Errorf("encode a rule of the nftables chain %s: %w", r.chain, err)
		}
		exprs = append(exprs, netlink.Attribute{Type: unix.NFTA_LIST_ELEM | unix.NLA_F_NESTED, Data: b})
	}
	list := []netlink.Attribute{
		text(unix.NFTA_RULE_TABLE, string(t)), text(unix.NFTA_RULE_CHAIN, r.chain),
		nested(unix.NFTA_RULE_EXPRESSIONS, exprs...),
	}
	if r.counter != "" {
		list = append(list, netlink.Attribute{Type: unix.NFTA_RULE_USERDATA, Data: []byte(r.counter)})
	}
	return nft("add a rule to the nftables chain "+r.chain, unix.NFT_MSG_NEWRULE, unix.NLM_F_CREATE|unix.NLM_F_APPEND, list...), nil
}

// addRules is addRule for several.
func (t table) addRules(rules []rule) ([]message, error) {
	var messages []message
	for _, r := range rules {
		m, err := t.addRule(r)
		if err != nil {
			return nil, err
		}
		messages = append(messages, m)
	}
	return messages, nil
}

// count adds the counters of a chain to those there are.
func (t table) count(s *socket, name string, into map[string]int64) error {
	m := nft("read the counters of the nftables chain "+name, unix.NFT_MSG_GETRULE, 0,
		text(unix.NFTA_RULE_TABLE, string(t)), text(unix.NFTA_RULE_CHAIN, name))
	return s.dump(m, func(b []byte) error {
		counter, n, err := counterOf(b)
		if err == nil && counter != "" {
			into[counter] += n
		}
		return err
	})
}

// counterOf reads of a rule the name of its counter and how many packets it has counted.
// It knows no other expression, and so passes over all of them.
func counterOf(rule []byte) (name string, n int64, err error) {
	ad, err := netlink.NewAttributeDecoder(rule)
	if err != nil {
		return "", 0, fmt.Errorf("read a rule: %w", err)
	}
	for ad.Next() {
		switch ad.Type() {
		case unix.NFTA_RULE_USERDATA:
			name = string(ad.Bytes())
		case unix.NFTA_RULE_EXPRESSIONS:
			ad.Nested(func(list *netlink.AttributeDecoder) error {
				for list.Next() {
					list.Nested(func(e *netlink.AttributeDecoder) error {
						n += counted(e)
						return nil
					})
				}
				return nil
			})
		}
	}
	return name, n, ad.Err()
}

// counted is what an expression has counted, 0 for one that does not count.
func counted(e *netlink.AttributeDecoder) (n int64) {
	kind := ""
	for e.Next() {
		switch e.Type() {
		case unix.NFTA_EXPR_NAME:
			kind = e.String()
		case unix.NFTA_EXPR_DATA:
			if kind != "counter" {
				continue
			}
			e.Nested(func(data *netlink.AttributeDecoder) error {
				data.ByteOrder = binary.BigEndian
				for data.Next() {
					if data.Type() == unix.NFTA_COUNTER_PACKETS {
						n = int64(data.Uint64())
					}
				}
				return nil
			})
		}
	}
	return n
}
