package service

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path"
	"strconv"
	"strings"

	"qcowscope/core/image"
	"qcowscope/core/layers"
	"qcowscope/core/qcow2"
	"qcowscope/core/source"
)

// chain are the files beside the image that were given.
type chain struct {
	below []link                // the backing files, from the image down
	data  map[int]source.Source // data files, by the link that names them
	names map[int]string        // of those
}

// link is a backing file.
type link struct {
	name string
	src  source.Source
	img  *image.Image // nil if it is raw
}

// maxLinks bounds the chain.
const maxLinks = 64

// Beside tells how files beside the image are read: by the number that the host gives them
// and their size in bytes.
func (s *Session) Beside(attach func(file int, size int64) source.Source) { s.beside = attach }

// img is the image of a link: 0 is the one that is open. It is nil if there is none.
func (s *Session) linkImage(n int) *image.Image {
	switch {
	case n == 0:
		return s.now.img
	case n > 0 && n <= len(s.chain.below):
		return s.chain.below[n-1].img
	}
	return nil
}

// LayersAttach takes a file into the chain.
func (s *Session) LayersAttach(ctx context.Context, req LayersAttachRequest) (LayersAttachReply, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.now.img == nil {
		return LayersAttachReply{}, errNoImage
	}
	img := s.linkImage(req.Link)
	if s.beside == nil || img == nil || req.File < 1 || !(req.Size >= 0 && req.Size < mostCells) {
		return LayersAttachReply{}, notThere(fmt.Sprintf("%+v", req))
	}
	src := s.beside(req.File, int64(req.Size))
	refused := ""
	if req.Data {
		refused = s.attachData(req, img, src)
	} else {
		var err error
		if refused, err = s.attachBacking(ctx, req, img, src); err != nil {
			return LayersAttachReply{}, problemError(err)
		}
	}
	return LayersAttachReply{Attached: refused == "", Refused: refused, Chain: s.chainView()}, nil
}

func (s *Session) attachData(req LayersAttachRequest, img *image.Image, src source.Source) (refused string) {
	if !img.Geo.DataFile {
		return "This image keeps its data itself: it has no data file."
	}
	if s.chain.data == nil {
		s.chain.data, s.chain.names = map[int]source.Source{}, map[int]string{}
	}
	s.chain.data[req.Link], s.chain.names[req.Link] = src, req.Name
	s.chainChanged()
	return ""
}

// chainChanged forgets what depends on the files of the chain.
func (s *Session) chainChanged() {
	s.layers.fall, s.write.outcome = nil, nil
}

// attachBacking opens a backing file. The error is one of reading.
func (s *Session) attachBacking(ctx context.Context, req LayersAttachRequest, above *image.Image, src source.Source) (refused string, err error) {
	switch {
	case above.BackingFile == "":
		return "There is no backing file below this one.", nil
	case req.Link != len(s.chain.below):
		return "There is a file in this place already. Take it out first.", nil
	case req.Link == maxLinks:
		return fmt.Sprintf("The chain has more than %d files.", maxLinks), nil
	}
	img, refused, err := openBacking(ctx, src, above.BackingFormat)
	if refused != "" || err != nil {
		return refused, err
	}
	if img != nil {
		if refused, err = s.loop(req.Name, img); refused != "" || err != nil {
			return refused, err
		}
	}
	s.chain.below = append(s.chain.below, link{req.Name, src, img})
	s.chainChanged()
	return "", nil
}

// openBacking opens a file in the format that the image above names, or in the one that it
// looks like. The image is nil when it is raw.
func openBacking(ctx context.Context, src source.Source, format string) (img *image.Image, refused string, err error) {
	switch format {
	case "raw", "file", "host_device":
		return nil, "", nil
	case "qcow2", "":
	default:
		return nil, fmt.Sprintf("The image above says that this file has the format %s, which cannot be read here.", format), nil
	}
	img, err = image.Open(ctx, src)
	var other *image.NotQcow2Error
	var read *source.ReadError
	switch {
	case err == nil:
		return img, "", nil
	case ctx.Err() != nil || errors.As(err, &read):
		return nil, "", err
	case format == "" && errors.As(err, &other) && !other.Known:
		return nil, "", nil
	case errors.As(err, &other):
		return nil, "The image above needs a qcow2 image here, and this file looks like " + other.Looks + ".", nil
	}
	return nil, "This file does not open: " + problemOf(err).Title, nil
}

// loop tells whether the image that is to come below the others is above itself: it is one
// of them, or it names itself.
func (s *Session) loop(name string, img *image.Image) (refused string, err error) {
	if img.BackingFile != "" && path.Base(img.BackingFile) == name && !strings.Contains(img.BackingFile, "/") {
		return "This file names itself as its backing file: the chain would never end.", nil
	}
	for n := range len(s.chain.below) + 1 {
		other := s.linkImage(n)
		if other == nil {
			continue
		}
		if n == 0 && s.original.img != nil {
			other = s.original.img
		}
		same, err := sameImage(img, other)
		if err != nil {
			return "", err
		}
		if same {
			return "This is the same file as " + s.linkName(n) + ", which is above it in the chain: the chain would never end.", nil
		}
	}
	return "", nil
}

func (s *Session) linkName(n int) string {
	if n == 0 {
		return s.name
	}
	return s.chain.below[n-1].name
}

// sameImage compares the sizes of two files, and the clusters with the header and with the
// tables: two images that agree in all of them are copies of each other.
func sameImage(a, b *image.Image) (bool, error) {
	if a.Src.Size() != b.Src.Size() || a.Geo != b.Geo {
		return false, nil
	}
	n := a.Geo.ClusterSize()
	for _, off := range []int64{0, int64(a.L1.Off), int64(a.Header.RefcountTableOffset), a.Src.Size() - n} {
		x, y := make([]byte, n), make([]byte, n)
		if off < 0 || off >= a.Src.Size() {
			continue
		}
		if err := errors.Join(source.ReadFull(a.Src, x, off), source.ReadFull(b.Src, y, off)); err != nil {
			return false, err
		}
		if !bytes.Equal(x, y) {
			return false, nil
		}
	}
	return true, nil
}

// LayersDetach takes a file out of the chain.
func (s *Session) LayersDetach(_ context.Context, req LayersDetachRequest) (LayersChainReply, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.now.img == nil {
		return LayersChainReply{}, errNoImage
	}
	c := &s.chain
	if req.Data {
		delete(c.data, req.Link)
	} else if req.Link >= 0 && req.Link < len(c.below) {
		c.below = c.below[:req.Link]
		for n := range c.data {
			if n > req.Link {
				delete(c.data, n)
			}
		}
	}
	s.chainChanged()
	return s.chainView(), nil
}

// LayersChain is the image and the files beside it.
func (s *Session) LayersChain(context.Context) (LayersChainReply, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.now.img == nil {
		return LayersChainReply{}, errNoImage
	}
	return s.chainView(), nil
}

func (s *Session) chainView() LayersChainReply {
	var r LayersChainReply
	for n := range len(s.chain.below) + 1 {
		v := LayersLink{Name: s.linkName(n), Format: "raw"}
		if img := s.linkImage(n); img != nil {
			v.Format, v.Virtual, v.FileSize = "qcow2", strconv.FormatUint(img.VirtualSize(), 10), float64(img.Src.Size())
			v.Outside = s.outsideViews(n, img)
			r.Open = img.BackingFile != "" && n == len(s.chain.below)
		} else {
			r.Open = false
			v.FileSize = float64(s.chain.below[n-1].src.Size())
			v.Virtual = strconv.FormatInt(s.chain.below[n-1].src.Size(), 10)
		}
		v.Notes = s.linkNotes(n)
		r.Links = append(r.Links, v)
	}
	return r
}

func (s *Session) outsideViews(n int, img *image.Image) (views []LayersOutside) {
	for _, o := range layers.Outsides(img) {
		v := LayersOutside{Data: o.Data, Name: o.Name, Format: o.Format, Target: string(o.Target), Opens: o.Opens, Wary: o.Wary(), Warning: o.Warning()}
		if o.Data {
			v.Given = s.chain.names[n]
			if s.chain.data[n] == nil {
				v.Given = ""
			}
		} else if n < len(s.chain.below) {
			v.Given = s.chain.below[n].name
		}
		views = append(views, v)
	}
	return views
}

// linkNotes are what is to be known of a link below the image, and of the data files.
func (s *Session) linkNotes(n int) (notes []LayersNote) {
	note := func(severity, format string, args ...any) {
		notes = append(notes, LayersNote{severity, fmt.Sprintf(format, args...)})
	}
	img := s.linkImage(n)
	if data := s.chain.data[n]; data != nil && img != nil && data.Size() < int64(min(img.VirtualSize(), 1<<62)) {
		note("warning", "Its data file is shorter than its disk: what is missing reads as zeros.")
	}
	if n == 0 {
		return notes
	}
	above, l := s.linkImage(n-1), s.chain.below[n-1]
	if named := path.Base(above.BackingFile); !strings.HasPrefix(above.BackingFile, "json:") && named != l.name {
		note("note", "The image above calls this file %s. Whether it is the right one cannot be told from the files: a backing file that was changed since does not fit, and nothing records that.", named)
	}
	if above.BackingFormat == "" {
		note("warning", "The image above does not name the format of this file. It is taken for what it looks like.")
	}
	size := uint64(l.src.Size())
	if l.img != nil {
		size = l.img.VirtualSize()
	} else if head := make([]byte, 4); source.ReadFull(l.src, head, 0) == nil && string(head) == "QFI\xfb" {
		note("warning", "It is a qcow2 image, but the image above says that it is raw: the guest reads the image's own tables as its disk.")
	}
	switch disk := above.VirtualSize(); {
	case size < disk:
		note("note", "Its disk is smaller than that of the image above: what lies behind its end reads as zeros.")
	case size > disk:
		note("note", "Its disk is larger than that of the image above: what lies behind cannot be seen from there.")
	}
	if l.img == nil {
		return notes
	}
	if l.img.Header.Has(qcow2.IncompatCorrupt) {
		note("danger", "It is marked as corrupt.")
	}
	if l.img.Header.Has(qcow2.IncompatDirty) {
		note("warning", "It was not closed cleanly.")
	}
	for _, refusal := range l.img.Refusals {
		note("danger", "QEMU does not open it: %s.", refusal.String())
		break
	}
	return notes
}
