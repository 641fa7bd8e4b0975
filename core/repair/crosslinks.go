package repair

import (
	"fmt"

	"qcowscope/core/alloc"
	"qcowscope/core/check"
	"qcowscope/core/qcow2"
	"qcowscope/core/refcount"
	"qcowscope/core/source"
)

// maxCopies bounds the bytes that a plan copies to separate cross-links, since a plan is
// held in memory. What is beyond is reported as left.
const maxCopies = 256 << 20

// allocator finds clusters that hold nothing: neither something that is referred to nor a
// leaked cluster, which may be somebody's lost data.
func (r *repairer) allocator() (*alloc.Allocator, error) {
	t := r.report.Refcounts
	a := alloc.New(t.Table)
	if err := r.avoidDangling(a); err != nil {
		return nil, err
	}
	for c, b := range t.Roles(0, t.Len()) {
		if refcount.RoleOf(b) == refcount.Leaked {
			a.Avoid(qcow2.HostCluster(c))
		}
	}
	if r.mayHoldLostData() {
		a.AvoidBelow(qcow2.HostCluster(r.img.HostClusters()))
	}
	return a, nil
}

// sharedTables gives, by consent, each L1 entry an L2 table of its own where two share one.
// The guest reads the same; the data that both now map is separated by crossLinks.
func (r *repairer) sharedTables() error {
	return r.separate(check.L2TableShared, "give L1 entries that share an L2 table one each")
}

// crossLinks gives, by consent, each of two places of the disk that share a cluster one of
// its own. Both keep the content.
func (r *repairer) crossLinks() error {
	return r.separate(check.CrossLink, "copy clusters that two places of the disk share")
}

// separate copies what the entries of the findings point to and points them to the copies.
func (r *repairer) separate(code check.Code, what string) error {
	if !r.accepts(code) {
		return nil
	}
	found, err := r.places(code)
	if err != nil || len(found) == 0 {
		return err
	}
	a, err := r.allocator()
	if err != nil {
		return err
	}
	cs, copied := r.img.Geo.ClusterSize(), uint64(0)
	for _, f := range found {
		if int64(copied+1)*cs > maxCopies {
			break
		}
		if f.At.Kind == check.FieldL2 && f.Got&qcow2.FlagZero != 0 && !r.img.Geo.ExtendedL2 {
			r.stage.Add(batchSwitch, int64(f.At.Off), be64bytes(qcow2.FlagZero), f.At.Field()+": it reads as zeros and needs no cluster")
			copied++
			continue
		}
		buf := make([]byte, cs)
		if err := source.ReadFull(r.img.Src, buf, int64(f.Host.Start)); err != nil {
			return err
		}
		to := r.img.Geo.Offset(a.Take())
		r.stage.Add(batchRaise, int64(to), buf, fmt.Sprintf("copy of the cluster at 0x%x", int64(f.Host.Start)))
		r.stage.Add(batchSwitch, int64(f.At.Off), be64bytes(f.Got&^qcow2.OffsetMask|uint64(to)|qcow2.FlagCopied),
			fmt.Sprintf("%s: a cluster of its own at 0x%x", f.At.Field(), int64(to)))
		copied++
	}
	r.separated = r.separated || copied > 0
	r.step(code, copied, what)
	return nil
}
