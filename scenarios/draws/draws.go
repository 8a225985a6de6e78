// Package draws are the random decisions of sessions: whose it is, how large
// things are, how long people think, which way they take. They come from the
// plan's seed and the number of the session alone, so they are the same in
// every run of a plan, whatever the system does meanwhile.
package draws
