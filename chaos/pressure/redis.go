package pressure

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"
)

// Keys is how many keys a cache that speaks Redis' protocol holds in its first database.
func Keys(ctx context.Context, address string) (int64, error) {
	answer, err := ask(ctx, address, "DBSIZE")
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseInt(strings.TrimPrefix(answer, ":"), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%s answers DBSIZE with %q: it is no Redis", address, answer)
	}
	return n, nil
}

// flush empties all databases of a cache.
func flush(ctx context.Context, address string) error {
	answer, err := ask(ctx, address, "FLUSHALL")
	if err == nil && answer != "+OK" {
		err = fmt.Errorf("%s answers FLUSHALL with %q: it is no Redis", address, answer)
	}
	return err
}

// ask sends one command without arguments and reads one line.
func ask(ctx context.Context, address, command string) (string, error) {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })()
	if _, err := fmt.Fprintf(conn, "*1\r\n$%d\r\n%s\r\n", len(command), command); err != nil {
		return "", unanswered(ctx, address, command, err)
	}
	const longest = 4 << 10
	line, err := bufio.NewReader(io.LimitReader(conn, longest)).ReadString('\n')
	if err != nil {
		return "", unanswered(ctx, address, command, err)
	}
	line = strings.TrimRight(line, "\r\n")
	if refusal, ok := strings.CutPrefix(line, "-"); ok {
		return "", fmt.Errorf("%s refuses %s: %s", address, command, refusal)
	}
	return line, nil
}

func unanswered(ctx context.Context, address, command string, err error) error {
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	if errors.Is(err, io.EOF) {
		err = errors.New("it closed the connection")
	}
	return fmt.Errorf("%s has not answered %s: %w", address, command, err)
}
