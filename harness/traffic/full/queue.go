package full

import "container/list"

// A queue holds the exchanges that wait for a connection, oldest first.
type queue struct{ waiting list.List }

func (q *queue) len() int { return q.waiting.Len() }

func (q *queue) push(c *carriage) { c.place = q.waiting.PushBack(c) }

// unpop puts back at the front what pop took.
func (q *queue) unpop(c *carriage) { c.place = q.waiting.PushFront(c) }

func (q *queue) pop() *carriage {
	c, ok := q.waiting.Remove(q.waiting.Front()).(*carriage)
	if ok {
		c.place = nil
	}
	return c
}

// remove takes out one that waits no longer.
func (q *queue) remove(c *carriage) {
	q.waiting.Remove(c.place)
	c.place = nil
}

// ahead counts those that wait before c, up to limit.
func (q *queue) ahead(c *carriage, limit int) int {
	n := 0
	for at := q.waiting.Front(); at != nil && at != c.place && n < limit; at = at.Next() {
		n++
	}
	return n
}
