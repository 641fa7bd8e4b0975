package cow

import (
	"context"
	"fmt"

	"qcowscope/core/qcow2"
)

// Comparison is what a trace costs with every cluster size, without and with subclusters.
type Comparison struct {
	Costs []Cost // ascending cluster sizes, those without subclusters first
	// Best and BestExtended are indices of the setups that are recommended, without and
	// with subclusters.
	Best, BestExtended int
	// Extended tells that subclusters are worth it.
	Extended bool
	Advice   string
}

// Cluster sizes that are compared, in bits. Subclusters are at least 512 bytes.
const (
	leastBits         = 12
	leastExtendedBits = 14
	mostBits          = 21
	usualBits         = 16 // what images are created with
)

// Setups are what Compare compares.
func Setups(initial Initial) (all []Setup) {
	for b := uint(leastBits); b <= mostBits; b++ {
		all = append(all, Setup{b, false, initial})
	}
	for b := uint(leastExtendedBits); b <= mostBits; b++ {
		all = append(all, Setup{b, true, initial})
	}
	return all
}

// Compare runs a trace over all setups. progress, if not nil, is told how many are done.
// The error is as of Amplify.
func Compare(ctx context.Context, t *Trace, initial Initial, progress func(done, total int)) (*Comparison, error) {
	c := &Comparison{}
	setups := Setups(initial)
	for i, s := range setups {
		cost, err := Amplify(ctx, t, s)
		if err != nil {
			return nil, err
		}
		c.Costs = append(c.Costs, cost)
		if progress != nil {
			progress(i+1, len(setups))
		}
	}
	c.Best = c.best(false)
	c.BestExtended = c.best(true)
	c.advise()
	return c, nil
}

// best is the usual setup if it writes and takes about as little as any; else the one with the
// largest clusters of those that do: large ones need fewer tables.
func (c *Comparison) best(extended bool) int {
	least, smallest := int64(-1), int64(-1)
	for _, x := range c.Costs {
		if x.ExtendedL2 != extended {
			continue
		}
		if least < 0 || x.Total() < least {
			least = x.Total()
		}
		if smallest < 0 || x.Allocated < smallest {
			smallest = x.Allocated
		}
	}
	best := -1
	for i, x := range c.Costs {
		about := x.Total() <= least+least/16 && x.Allocated <= 2*smallest
		if about && i == usualBits-leastBits && !extended {
			return i
		}
		if x.ExtendedL2 == extended && (best < 0 && x.Total() == least || about) {
			best = i
		}
	}
	return best
}

// worthIt is how many percent more must be written without subclusters for them to be
// recommended.
const worthIt = 10

// advise puts the answer into words.
func (c *Comparison) advise() {
	plain, ext := c.Costs[c.Best], c.Costs[c.BestExtended]
	usual := c.Costs[usualBits-leastBits]
	now := fmt.Sprintf("With 64 KiB clusters and no subclusters, as images are usually created, %.2f bytes are written for each byte of the guest.", usual.Factor())
	if ext.Initial == Allocated {
		c.Advice = "Every cluster is allocated already, so all of these writes go in place and nothing is copied: neither subclusters nor the cluster size matter for them. " +
			"They matter while an image grows, over a backing file, and after a snapshot."
		return
	}
	c.Extended = c.beats(ext)
	switch {
	case !c.Extended:
		c.Advice = fmt.Sprintf("Leave extended L2 off, with clusters of %s: %.2f bytes are written for each byte of the guest, with subclusters at best %.2f. %s",
			qcow2.Size(1<<plain.ClusterBits), plain.Factor(), ext.Factor(), now)
	case ext.Initial == Shared:
		c.Advice = fmt.Sprintf("Turn extended L2 on, with clusters of %s: %.2f bytes are written for each byte of the guest, without subclusters at best %.2f. %s",
			qcow2.Size(1<<ext.ClusterBits), ext.Factor(), plain.Factor(), now)
	default:
		c.Advice = fmt.Sprintf("Turn extended L2 on, with clusters of %s: %.2f bytes are written for each byte of the guest. %s Without subclusters clusters of %s come nearest, with %.2f and %s as many bytes of L2 tables.",
			qcow2.Size(1<<ext.ClusterBits), ext.Factor(), now, qcow2.Size(1<<plain.ClusterBits), plain.Factor(), times(plain.Mapping, ext.Mapping))
	}
	if ext.Initial == Shared {
		c.Advice += " After a snapshot the first write to a cluster copies all of it, with or without subclusters: smaller clusters copy less."
	}
}

// beats tells whether every setup without subclusters writes clearly more, or needs more than
// twice the tables.
func (c *Comparison) beats(ext Cost) bool {
	for _, x := range c.Costs {
		if !x.ExtendedL2 && x.Total() <= ext.Total()+ext.Total()/100*worthIt && x.Mapping <= 2*ext.Mapping {
			return false
		}
	}
	return true
}

func times(a, b int64) string { return fmt.Sprintf("%.1f times", float64(a)/float64(max(1, b))) }
