package slofile

import "testing"

func FuzzOpenSLO(f *testing.F) { fuzz(f, "openslo", OpenSLO) }

func FuzzSloth(f *testing.F) { fuzz(f, "sloth", Sloth) }
