// Package plain carries exchanges over HTTP/1.1 without TLS, driven by the
// events of a loop: no goroutine, no lock and, once it is warm, no allocation
// an exchange. A connection that is idle costs some 200 bytes here.
//
// Connections belong to nobody. Exchanges that find none idle wait in one
// queue, and whichever connection is there first, a new one or one that has
// become free, carries the one that waits longest. As many connections are
// being opened as exchanges wait, within the limits.
//
// It needs epoll and so exists on Linux only; elsewhere Can is always false.
package plain
