package store

import (
	"fmt"
	"time"

	"github.com/prometheus/prometheus/model/timestamp"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
)

// plain makes series of a value of the engine. A native histogram has no single
// number, and is refused rather than left out.
func plain(expr string, value parser.Value) ([]Series, error) {
	switch v := value.(type) {
	case promql.Scalar:
		return []Series{{Labels: map[string]string{}, Times: []time.Time{timestamp.Time(v.T)}, Values: []float64{v.V}}}, nil
	case promql.Vector:
		all := make([]Series, len(v))
		for i, s := range v {
			if s.H != nil {
				return nil, histogramIn(expr)
			}
			all[i] = Series{Labels: s.Metric.Map(), Times: []time.Time{timestamp.Time(s.T)}, Values: []float64{s.F}}
		}
		return all, nil
	case promql.Matrix:
		all := make([]Series, len(v))
		for i, s := range v {
			if len(s.Histograms) > 0 {
				return nil, histogramIn(expr)
			}
			all[i] = points(s)
		}
		return all, nil
	default:
		return nil, fmt.Errorf("evaluate %s: its value is of type %s; numbers are needed", expr, value.Type())
	}
}

func points(s promql.Series) Series {
	one := Series{
		Labels: s.Metric.Map(),
		Times:  make([]time.Time, len(s.Floats)),
		Values: make([]float64, len(s.Floats)),
	}
	for i, p := range s.Floats {
		one.Times[i], one.Values[i] = timestamp.Time(p.T), p.F
	}
	return one
}

func histogramIn(expr string) error {
	return fmt.Errorf("evaluate %s: its value is a native histogram; numbers are needed: "+
		"take histogram_quantile, histogram_count or histogram_sum of it", expr)
}
