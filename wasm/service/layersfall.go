package service

import (
	"bytes"
	"context"
	encoding "encoding/hex"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"time"

	"qcowscope/core/clustermap"
	"qcowscope/core/image"
	"qcowscope/core/qcow2"
)

// fall is how far the question is answered which file decides what the guest reads.
type fall struct {
	at    qcow2.GuestOff
	reply LayersFall
}

// fallTime is how long one call looks.
const fallTime = 100 * time.Millisecond

// LayersFall looks at some more of the disk.
func (s *Session) LayersFall(ctx context.Context) (LayersFall, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l, err := s.layersNow()
	if err != nil {
		return LayersFall{}, err
	}
	size := qcow2.GuestOff(min(s.now.img.VirtualSize(), math.MaxInt64))
	if l.fall == nil {
		l.fall = &fall{reply: LayersFall{Total: float64(size), Links: make([]float64, len(s.chain.below)+1)}}
	}
	f, files := l.fall, s.chainFiles()
	open := len(s.chain.below) == 0 && s.now.img.BackingFile != ""
	if n := len(s.chain.below); n > 0 {
		last := s.chain.below[n-1].img
		open = last != nil && last.BackingFile != ""
	}
	for end := time.Now().Add(fallTime); f.at < size && time.Now().Before(end); {
		part := qcow2.Range[qcow2.GuestOff]{Start: f.at, Len: min(size-f.at, s.fallPart(f.at))}
		for run, err := range clustermap.ChainWithin(ctx, files, open, part) {
			var bad *clustermap.UnreadableError
			switch {
			case errors.As(err, &bad):
				f.reply.Unreadable += float64(bad.Guest.Len)
			case err != nil:
				l.fall = nil
				return LayersFall{}, problemError(err)
			default:
				f.reply.add(run)
			}
		}
		f.at = part.End()
	}
	f.reply.Done = float64(f.at)
	return f.reply, nil
}

func (r *LayersFall) add(run clustermap.Run) {
	n := float64(run.Guest.Len)
	switch {
	case run.Present:
		r.Links[run.Depth] += n
	case run.Zero:
		r.Zeros += n
	default:
		r.Missing += n
	}
}

// fallPart is how many bytes of the disk are looked at together: those that a few L2 tables
// map, and at last all that none does.
func (s *Session) fallPart(at qcow2.GuestOff) qcow2.GuestOff {
	g, l1 := s.now.img.Geo, s.now.img.L1
	if g.L1Index(at) >= l1.Entries {
		return math.MaxInt64
	}
	return qcow2.GuestOff(g.L2Span()) * qcow2.GuestOff(max(16, 4<<20>>g.ClusterBits))
}

func (s *Session) chainFiles() []clustermap.Layer {
	files := []clustermap.Layer{{Image: s.now.img}}
	for _, l := range s.chain.below {
		files = append(files, clustermap.Layer{Image: l.img, Size: l.src.Size()})
	}
	return files
}

// errNotGiven says that the bytes come from a file that is not given.
var errNotGiven = errors.New("these bytes come from a backing file that is not given")

// notGiven takes the place of a file that is not given.
type notGiven struct{}

func (notGiven) ReadAt([]byte, int64) (int, error) { return 0, errNotGiven }

// disk is the disk as the guest of a link reads it, through the files below; nil below the
// last. It reads nothing yet.
func (s *Session) disk(ctx context.Context, n int) io.ReaderAt {
	img := s.linkImage(n)
	if img == nil {
		return s.chain.below[n-1].src
	}
	var out image.Outside
	switch {
	case n < len(s.chain.below):
		out.Backing = s.disk(ctx, n+1)
	case img.BackingFile != "":
		out.Backing = notGiven{}
	}
	if data := s.chain.data[n]; data != nil {
		out.Data = data
	}
	return image.NewGuestReader(ctx, img, img.L1, img.VirtualSize(), out)
}

// maxGuestBytes bounds what is read of the disk at once.
const maxGuestBytes = 4096

// LayersGuest reads the disk as the guest does, through the chain.
func (s *Session) LayersGuest(ctx context.Context, req LayersGuestRequest) (LayersGuestReply, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	off, err := strconv.ParseUint(req.Offset, 0, 63)
	if err != nil {
		return LayersGuestReply{}, notThere(fmt.Sprintf("%+v", req))
	}
	if s.now.img == nil {
		return LayersGuestReply{}, errNoImage
	}
	b := make([]byte, max(0, min(req.Length, maxGuestBytes)))
	n, err := s.disk(ctx, 0).ReadAt(b, int64(off))
	if ctx.Err() != nil {
		return LayersGuestReply{}, problemError(ctx.Err())
	}
	r := LayersGuestReply{Bytes: encoding.EncodeToString(b[:n]), Link: -1}
	switch {
	case errors.Is(err, io.EOF):
		r.Why = "The disk ends here."
	case errors.Is(err, errNotGiven):
		r.Why = "What follows comes from a backing file that is not given."
	case errors.Is(err, image.ErrNoDataFile):
		r.Why = "What follows is in the external data file, which is not given."
	case errors.Is(err, image.ErrEncrypted):
		r.Why = "The data is encrypted."
	case err != nil:
		r.Why = "What follows cannot be read: " + err.Error()
	}
	if off == 0 {
		r.Looks = looksLike(b[:n])
	}
	first := qcow2.Range[qcow2.GuestOff]{Start: qcow2.GuestOff(off), Len: 1}
	if off < s.now.img.VirtualSize() {
		for run, err := range clustermap.ChainWithin(ctx, s.chainFiles(), false, first) {
			if err == nil && run.Present {
				r.Link = run.Depth
			}
		}
	}
	return r, nil
}

// signatures are what disks begin with.
var signatures = []struct {
	off  int
	text string
	name string
}{
	{512, "EFI PART", "a GUID partition table (GPT)"},
	{3, "NTFS    ", "an NTFS file system"},
	{3, "EXFAT   ", "an exFAT file system"},
	{82, "FAT32   ", "a FAT32 file system"},
	{54, "FAT1", "a FAT file system"},
	{0, "XFSB", "an XFS file system"},
	{1080, "\x53\xef", "an ext2, ext3 or ext4 file system"},
	{512, "LABELONE", "an LVM physical volume"},
	{0, "LUKS\xba\xbe", "a LUKS encrypted volume"},
	{0, "QFI\xfb", "a qcow2 image within the disk"},
	{510, "\x55\xaa", "a boot sector with a partition table (MBR)"},
}

// looksLike names what the first bytes of a disk look like, "" if like nothing known.
func looksLike(b []byte) string {
	for _, s := range signatures {
		if len(b) >= s.off+len(s.text) && string(b[s.off:s.off+len(s.text)]) == s.text {
			return s.name
		}
	}
	if len(b) > 0 && len(bytes.TrimLeft(b, "\x00")) == 0 {
		return "nothing: it begins with zeros"
	}
	return ""
}
