package layers

import (
	"path"
	"strings"

	"qcowscope/core/image"
)

// Target is where a name in an image leads.
type Target string

// The targets. Only the first stays where the image lies.
const (
	TargetBeside   Target = "beside"   // a file in the folder of the image, or below it
	TargetOutward  Target = "outward"  // relative, but out of that folder
	TargetAbsolute Target = "absolute" // a file anywhere on the computer
	TargetDevice   Target = "device"   // a device of the computer
	TargetNetwork  Target = "network"  // another computer, or a socket
	TargetOptions  Target = "options"  // json: says in full what to open, and how
	TargetDriver   Target = "driver"   // another driver of QEMU
	TargetUnnamed  Target = "unnamed"  // something, but the image does not say what
)

// Outside is a file that an image names, and that whoever opens the image opens with it.
type Outside struct {
	Data   bool   // the external data file; else the backing file
	Name   string // as it stands in the image
	Format string // "" when it is not named: QEMU guesses by the contents
	Target Target
	Driver string // the part before the colon: json, nbd, ...
	// Opens is what of the name is opened, as far as it can be told: a path, an address,
	// or the leaves of json: that name one.
	Opens []string
}

// Outsides are the files that the image names: none, one or two.
func Outsides(img *image.Image) (all []Outside) {
	if img.BackingFile != "" {
		all = append(all, outsideOf(Outside{Name: img.BackingFile, Format: img.BackingFormat}))
	}
	if img.Geo.DataFile || img.DataFile != "" {
		all = append(all, outsideOf(Outside{Data: true, Name: img.DataFile, Format: "raw"}))
	}
	return all
}

// networkDrivers are QEMU's drivers that reach other computers, by what a name begins with.
var networkDrivers = map[string]bool{"nbd": true, "http": true, "https": true, "ftp": true, "ftps": true, "ssh": true, "iscsi": true,
	"rbd": true, "gluster": true, "nfs": true, "sheepdog": true, "vxhs": true, "tftp": true, "iser": true}

func outsideOf(o Outside) Outside {
	name := o.Name
	// QEMU takes a colon before any slash as the end of a driver's name.
	if i := strings.IndexAny(name, ":/"); i >= 0 && name[i] == ':' {
		o.Driver = name[:i]
	}
	driver, _, _ := strings.Cut(o.Driver, "+")
	switch {
	case name == "":
		o.Target = TargetUnnamed
	case o.Driver == "json":
		o.Target, o.Opens = TargetOptions, jsonOpens(name[len("json:"):])
	case driver == "host_device" || driver == "host_cdrom":
		o.Target, o.Opens = TargetDevice, []string{name[len(driver)+1:]}
	case networkDrivers[driver]:
		o.Target, o.Opens = TargetNetwork, []string{name}
	case o.Driver != "" && o.Driver != "file":
		o.Target, o.Opens = TargetDriver, []string{name}
	default:
		p := strings.TrimPrefix(name, "file:")
		o.Target, o.Opens = pathTarget(p), []string{p}
	}
	return o
}

func pathTarget(p string) Target {
	clean := path.Clean(p)
	switch {
	case strings.HasPrefix(clean, "/dev/"):
		return TargetDevice
	case strings.HasPrefix(p, "/"):
		return TargetAbsolute
	case clean == ".." || strings.HasPrefix(clean, "../"):
		return TargetOutward
	}
	return TargetBeside
}

// Wary tells whether someone who does not trust the image should look at the name before
// opening it: it leads out of the image's folder, or what it leads to is taken for whatever
// it looks like.
func (o Outside) Wary() bool {
	return o.Target != TargetBeside || o.Format == "" || o.Data
}

// Warning says in plain words what opening the image opens.
func (o Outside) Warning() string {
	text := targetWords[o.Target]
	switch {
	case o.Data && o.Target == TargetBeside:
		text = "QEMU opens this file together with the image. A relative name of a data file is looked up in the folder in which QEMU is started, not in that of the image."
	case o.Target == TargetUnnamed:
		return text
	}
	if o.Data {
		return text + " It is a data file: the guest reads it, and writes to it."
	}
	switch o.Format {
	case "":
		text += " Its format is not named: QEMU takes it for what it looks like, and who can write to it can make it look like an image that names further files."
	case "raw":
		text += " It is taken as raw: whatever the file holds, the guest can read it."
	}
	return text
}

var targetWords = map[Target]string{
	TargetBeside:   "QEMU opens this file in the folder of the image together with the image.",
	TargetOutward:  "The name leads out of the folder of the image: QEMU opens a file elsewhere on the computer that runs it.",
	TargetAbsolute: "The name is absolute: QEMU opens this file of the computer that runs it, wherever the image lies.",
	TargetDevice:   "The name is that of a device: QEMU opens a disk or another device of the computer that runs it.",
	TargetNetwork:  "The name leads over the network or to a socket: QEMU connects there from the computer that runs it.",
	TargetOptions:  "The name begins with json: and tells QEMU in full what to open, and with which driver. Programs that only look for a path do not see it.",
	TargetDriver:   "The name begins with that of a driver of QEMU, which decides what is opened.",
	TargetUnnamed:  "The data is in another file, and the image does not say in which. QEMU opens it only when it is told the file's name.",
}
