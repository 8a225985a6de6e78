// Package oracle holds package api to the program that it is to agree with: it puts the
// questions of ../testdata/cases.json to Prometheus' own HTTP API, on the same series
// and rules, and compares with what ../testdata/answers has. With -record it writes
// that down anew; the tests of package api then compare with it.
//
// It is a module of its own because Prometheus' API brings what the product does not
// need. Everything but this comment is test code.
package oracle
