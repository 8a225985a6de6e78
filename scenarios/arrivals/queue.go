package arrivals

import "time"

// A queue is a heap of moments with an owner each: the earliest first, of
// those at the same moment the owner with the lowest index. container/heap
// would do the same through an interface, at several times the cost.
type queue []head

type head struct {
	at    time.Duration
	owner int
}

func (a head) before(b head) bool { return a.at < b.at || a.at == b.at && a.owner < b.owner }

// peek is the first, ok false when the queue is empty.
func (q queue) peek() (at time.Duration, owner int, ok bool) {
	if len(q) == 0 {
		return 0, 0, false
	}
	return q[0].at, q[0].owner, true
}

// push adds a moment of an owner.
func (q *queue) push(at time.Duration, owner int) {
	*q = append(*q, head{at, owner})
	for i := len(*q) - 1; i > 0; {
		parent := (i - 1) / 2
		if !(*q)[i].before((*q)[parent]) {
			return
		}
		(*q)[i], (*q)[parent] = (*q)[parent], (*q)[i]
		i = parent
	}
}

// replace gives the first owner another moment.
func (q queue) replace(at time.Duration) {
	q[0].at = at
	q.sink()
}

// pop removes the first.
func (q *queue) pop() {
	last := len(*q) - 1
	(*q)[0] = (*q)[last]
	*q = (*q)[:last]
	q.sink()
}

// sink moves the first down to where it belongs.
func (q queue) sink() {
	for i := 0; ; {
		child := 2*i + 1
		if child >= len(q) {
			return
		}
		if right := child + 1; right < len(q) && q[right].before(q[child]) {
			child = right
		}
		if !q[child].before(q[i]) {
			return
		}
		q[i], q[child] = q[child], q[i]
		i = child
	}
}
