package clustermap

// summed are looks that sum up clusters faster than run by run, where few neighbours look alike.
type summed interface {
	// sum adds n clusters from first on.
	sum(first, n int64, t *tally)
}

// sum adds n clusters from first on.
func sum(l looks, first, n int64, t *tally) {
	if s, ok := l.(summed); ok {
		s.sum(first, n, t)
		return
	}
	sumRuns(l, first, n, t)
}

// sumRuns adds n clusters from first on, those that look alike together.
func sumRuns(l looks, first, n int64, t *tally) {
	for end := first + n; first < end; {
		k, n := l.run(first, end-first)
		t.add(k, n)
		first += n
	}
}

// sum does for each cluster what tally.add does.
func (m *HostMap) sum(first, n int64, t *tally) {
	t.n += n
	for end := first + n; first < end; {
		severity, reach := m.marks.severity(first)
		reach = min(reach, end)
		counts := m.table.Counts(first, reach)
		for i, b := range m.table.Roles(first, reach) {
			k := &m.roles[b]
			kind := k.kind & (kinds - 1)
			t.kinds[kind]++
			t.seen |= 1 << kind
			t.parts += int64(k.part)
			tone := m.steps[counts[i]]
			t.tone(tone, tone)
			if worst := max(k.severity, severity); worst >= marked {
				t.trouble(worst, 1)
			} else {
				t.trouble(worst, 0)
			}
		}
		first = reach
	}
}
