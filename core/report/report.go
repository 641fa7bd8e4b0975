// Package report puts the outcome of a check into words: a verdict, the text that qemu-img
// prints with what it means, and one HTML page. Names in an image are anybody's bytes: here
// they are text, never markup and never control characters.
package report
