package repair

import (
	"qcowscope/core/qcow2"
	"qcowscope/core/refcount"
)

// tableProbes bounds how many leaked clusters are looked at to find a lost table. With more
// it cannot be told that there is only one.
const tableProbes = 1 << 16

// probes are the leaked clusters, where a lost table may begin; none when there are more
// than are looked at.
func (r *repairer) probes() (places []qcow2.HostOff) {
	t, g := r.report.Refcounts, r.img.Geo
	for i, b := range t.Roles(0, t.Len()) {
		if refcount.RoleOf(b) != refcount.Leaked {
			continue
		}
		if len(places) == tableProbes {
			return nil
		}
		places = append(places, g.Offset(qcow2.HostCluster(i)))
	}
	return places
}

// theOne is the only one of those that are near what was lost; without such, of all. There
// may be none, or a choice.
func theOne[T any](near, all []T) (one T, ok bool) {
	if len(near) > 0 {
		all = near
	}
	if len(all) != 1 {
		return one, false
	}
	return all[0], true
}
