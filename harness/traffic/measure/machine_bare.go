//go:build !unix

package measure

func readUsage() usage { return usage{process: unknown, thread: unknown} }

func fileLimit() int { return unknown }
