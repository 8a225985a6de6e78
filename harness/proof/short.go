package proof

import "strings"

// short writes identifiers of findings in little room: "drain/api D1 D5,
// slo/shop p99" for drain/api/D1-in-flight, drain/api/D5-exit and slo/shop/p99.
func short(ids []string) string {
	var order []string
	rules := map[string][]string{}
	for _, id := range ids {
		subject, rule := id, ""
		if i := strings.LastIndex(id, "/"); i >= 0 {
			subject, rule = id[:i], id[i+1:]
		}
		if _, seen := rules[subject]; !seen {
			order = append(order, subject)
		}
		rules[subject] = append(rules[subject], numbered(rule))
	}
	parts := make([]string, len(order))
	for i, subject := range order {
		parts[i] = strings.TrimSpace(subject + " " + strings.Join(rules[subject], " "))
	}
	return strings.Join(parts, ", ")
}

// numbered is D1 of D1-in-flight; a rule without such a number stays as it is.
func numbered(rule string) string {
	number, _, ok := strings.Cut(rule, "-")
	if ok && len(number) > 1 && strings.ToUpper(number[:1]) == number[:1] && strings.Trim(number[1:], "0123456789") == "" {
		return number
	}
	return rule
}
