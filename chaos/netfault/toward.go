package netfault

// toward is the direction of packets, as hooks see it.
type toward bool

const (
	inbound  toward = false
	outbound toward = true
)
