package steer

import "errors"

// ErrOver is returned for a command that comes after the end of traffic.
var ErrOver = errors.New("the run is over: nothing can be asked of it any more")
