package plain

// A node is the place of its owner in a list; the owner embeds it. The zero
// value is in no list.
type node[T any] struct {
	next, prev *node[T]
	owner      *T
}

// A list is a ring of nodes. Putting in, taking out and both ends take constant
// time and allocate nothing. The zero value is empty.
type list[T any] struct {
	root node[T]
	len  int
}

// push appends a node that is in no list.
func (l *list[T]) push(n *node[T], owner *T) {
	if l.root.next == nil {
		l.root.next, l.root.prev = &l.root, &l.root
	}
	n.owner, n.prev, n.next = owner, l.root.prev, &l.root
	n.prev.next, n.next.prev = n, n
	l.len++
}

// remove takes a node out of this list.
func (l *list[T]) remove(n *node[T]) {
	n.prev.next, n.next.prev = n.next, n.prev
	*n = node[T]{}
	l.len--
}

// first is the owner that is in longest, nil without any.
func (l *list[T]) first() *T {
	if l.len == 0 {
		return nil
	}
	return l.root.next.owner
}

// last is the owner that came last, nil without any.
func (l *list[T]) last() *T {
	if l.len == 0 {
		return nil
	}
	return l.root.prev.owner
}
