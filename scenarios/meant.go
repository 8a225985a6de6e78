package scenarios

// DidYouMean suggests what a wrong name was probably meant to be, as a clause for an
// error's end: the allowed name nearest to it, or some of those that there are.
func DidYouMean(wrong string, allowed []string) string { return didYouMean(wrong, allowed) }
