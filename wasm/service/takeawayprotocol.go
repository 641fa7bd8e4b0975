package service

// TakeRequest begins to take a file out of the page. Its pieces are then asked for one after
// another (takeNext), until one is empty; takeEnd ends it before that, too.
type TakeRequest struct {
	What string `json:"what"` // patch, undo-patch, skeleton
	// Keep says what of the user's a skeleton keeps: snapshots, bitmaps, backing, data-file
	// (their names), extensions, bitmap-data, luks.
	Keep []string `json:"keep"`
	Tar  string   `json:"tar"` // of a skeleton: its name in a tar archive, ASCII; "" for no archive
}

// TakeView is what is known of the file beforehand.
type TakeView struct {
	Size     float64      `json:"size"` // its length with holes, -1 if that is not known
	Skeleton SkeletonView `json:"skeleton"`
}

// SkeletonView is what a metadata-only copy keeps and leaves out, in bytes of the file.
type SkeletonView struct {
	Tables     float64 `json:"tables"`
	Data       float64 `json:"data"`
	Compressed float64 `json:"compressed"` // these clusters cannot be decoded in the copy
	Unused     float64 `json:"unused"`
	BitmapData float64 `json:"bitmapData"`
	Keys       bool    `json:"keys"`  // key material was left out
	Names      int     `json:"names"` // that became others
	Same       bool    `json:"same"`  // a check finds in the copy what it finds in the image
}

// ReportFileRequest asks for the report of the image as it is now; it crosses as a Uint8Array.
type ReportFileRequest struct {
	Form string `json:"form"` // html, text
	When string `json:"when"` // in words, for the page to print
}
