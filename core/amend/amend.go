// Package amend changes what an image is, not what its guest reads: the width of its
// refcounts, its version, lazy refcounts. Each change is a plan.
//
// A change of width replaces the whole refcount structure. The new one goes to clusters that
// are free in the old one, which stays whole until one write to the header's first sector
// switches over; the old one's clusters are free in the new one.
//
//	header[48..59, 96..99] -> reftable [k] -> refblock k: the refcounts of clusters [k*e, (k+1)*e)
//
// With another width a refblock holds another number e of refcounts, so there are more or
// fewer of them, and their own clusters have refcounts as well, which may need yet another
// refblock. Width finds the smallest structure at once; or, LikeQEMU, goes through the
// refcounts again and again as QEMU does, and places everything where QEMU would.
package amend
