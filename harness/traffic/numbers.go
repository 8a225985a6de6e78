package traffic

import "strconv"

// numbers are those of the requests, from 1, as text. They are written many at
// a time into one string, so that a number by itself allocates nothing.
type numbers struct {
	last uint64
	text string // the next ones, without anything in between
	size int    // of each of them, in bytes
}

// numbersAtOnce is how many are written at a time.
const numbersAtOnce = 512

func (n *numbers) next() string {
	n.last++
	if len(n.text) == 0 {
		n.write()
	}
	number := n.text[:n.size]
	n.text = n.text[n.size:]
	return number
}

// write writes the numbers from last on, as long as they have equally many
// digits.
func (n *numbers) write() {
	text := strconv.AppendUint(make([]byte, 0, 20*numbersAtOnce), n.last, 10)
	n.size = len(text)
	for i := uint64(1); i < numbersAtOnce; i++ {
		before := len(text)
		if text = strconv.AppendUint(text, n.last+i, 10); len(text)-before != n.size {
			text = text[:before]
			break
		}
	}
	n.text = string(text)
}
