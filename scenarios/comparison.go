package scenarios

// A comparison is what a check wants compared after the last request: what was
// acknowledged against what is read. It becomes a ledger of the plan.
type comparison struct {
	at     location // of what holds of and read
	id     string
	want   string // as written
	of     *Acknowledged
	read   Truth
	readAt location
}

// comparisons are those of all checks, in their order.
func (d *Document) comparisons() []comparison {
	var all []comparison
	for i, c := range d.Scenario.Checks {
		at := location{"checks", i}
		if c.Drain != nil && c.Drain.Work != nil {
			at := at.to("drain", "work")
			all = append(all, comparison{at: at, id: "drain/" + c.Drain.Service, of: &c.Drain.Work.Of, read: c.Drain.Work.Read, readAt: at.to("read")})
		}
		if c.Release != nil && c.Release.Job != nil && c.Release.Job.Read != nil {
			at := at.to("release", "job")
			all = append(all, comparison{at: at, id: "release/" + c.Release.Service + "/" + c.Release.Job.Name, read: *c.Release.Job.Read, readAt: at.to("read")})
		}
		if c.Queue != nil && c.Queue.Work != nil {
			at := at.to("queue", "work")
			all = append(all, comparison{at: at, id: "queue/" + c.Queue.Service, of: &c.Queue.Work.Of, read: c.Queue.Work.Read, readAt: at.to("read")})
		}
		if c.Integrity != nil {
			at := at.to("integrity")
			all = append(all, comparison{at: at, id: "integrity/" + c.Integrity.Name, want: c.Integrity.Want, of: c.Integrity.Of, read: c.Integrity.Read, readAt: at.to("read")})
		}
	}
	return all
}

// acknowledged are the comparisons that follow requests, by journey.
func (d *Document) acknowledged() map[string][]comparison {
	all := map[string][]comparison{}
	for _, c := range d.comparisons() {
		if c.of != nil {
			all[c.of.Journey] = append(all[c.of.Journey], c)
		}
	}
	return all
}
