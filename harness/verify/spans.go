package verify

import (
	"cmp"
	"slices"
	"time"
)

// united are the moments of several stretches, overlapping ones as one, in order.
func united(spans []span) []span {
	sorted := slices.Clone(spans)
	slices.SortFunc(sorted, func(a, b span) int { return cmp.Or(cmp.Compare(a.from, b.from), cmp.Compare(a.to, b.to)) })
	var list []span
	for _, s := range sorted {
		if n := len(list); n > 0 && s.from <= list[n-1].to {
			list[n-1].to = max(list[n-1].to, s.to)
			continue
		}
		list = append(list, s)
	}
	return list
}

// besides are the parts of a stretch that are in none of several others, which are
// united.
func besides(s span, others []span) []span {
	var list []span
	for _, o := range others {
		if o.to <= s.from || o.from >= s.to {
			continue
		}
		if s.from < o.from {
			list = append(list, span{s.from, o.from})
		}
		s.from = o.to
	}
	if s.from < s.to {
		list = append(list, s)
	}
	return list
}

// middle is the moment by which an interval of the record is put into one
// stretch or another: each belongs to one alone.
func (s span) middle() time.Duration { return s.from + (s.to-s.from)/2 }

// amid tells whether an interval of the record belongs to one of several stretches.
func amid(s span, stretches []span) bool {
	m := s.middle()
	return slices.ContainsFunc(stretches, func(o span) bool { return o.from <= m && m < o.to })
}

// inside tells whether an interval lies wholly in one of several stretches.
func inside(s span, stretches []span) bool {
	return slices.ContainsFunc(stretches, func(o span) bool { return o.from <= s.from && s.to <= o.to })
}

// bounds is from the beginning of the first to the end of the last.
func bounds(stretches []span) span {
	if len(stretches) == 0 {
		return span{}
	}
	return span{stretches[0].from, stretches[len(stretches)-1].to}
}
