package reports

import _ "embed"

// chartStyle are the looks of the charts that are not in report.css.
//
//go:embed charts.css
var chartStyle string
