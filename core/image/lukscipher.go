package image

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
)

// The names that QEMU knows, with their sizes in bytes; sm4 and sm3 are those of newer ones.
var (
	luksKeySizes = map[string][]uint32{"aes": {16, 24, 32}, "cast5": {16}, "serpent": {16, 24, 32}, "twofish": {16, 24, 32}, "sm4": {16}}
	luksDigests  = map[string]uint32{"md5": 16, "sha1": 20, "sha224": 28, "sha256": 32, "sha384": 48, "sha512": 64, "ripemd160": 20, "sm3": 32}
	luksModes    = []string{"ecb", "cbc", "xts", "ctr"}
	luksIVs      = []string{"plain", "plain64", "essiv"}
)

// name is the text of one of the header's names.
func (l luksHeader) name(at int) string {
	text, _, _ := bytes.Cut(l[at:at+LUKSNameBytes], []byte{0})
	return string(text)
}

// unendingName refuses a name that fills all of its room.
func (l luksHeader) unendingName() *Refusal {
	for _, n := range []struct {
		at   int
		name string
	}{{luksCipher, "cipher name"}, {luksMode, "cipher mode"}, {luksHash, "hash spec"}} {
		if len(l.name(n.at)) == LUKSNameBytes {
			return l.badName(n.at, "the "+n.name+" must end with a zero byte", "LUKS header "+n.name+" is not NUL terminated")
		}
	}
	return nil
}

func (l luksHeader) badName(at int, rule, qemu string) *Refusal {
	return &Refusal{Off: int64(at), Value: be64(l[at:]), Rule: rule, QEMU: qemu}
}

// cipherFault refuses a cipher, or a hash, that QEMU does not have.
func (l luksHeader) cipherFault() *Refusal {
	cipher, mode, hash := l.name(luksCipher), l.name(luksMode), l.name(luksHash)
	mode, iv, both := strings.Cut(mode, "-")
	if !both {
		return l.badName(luksMode, "the cipher mode must be a mode and, behind a '-', how the IVs are made", fmt.Sprintf("Unexpected cipher mode string format '%s'", mode))
	}
	iv, ivHash, hashed := strings.Cut(iv, ":")
	size := l.u32(LUKSKeyBytes)
	if mode == "xts" {
		size /= 2
	}
	unknown := func(at int, what, name string) *Refusal {
		return l.badName(at, fmt.Sprintf("the %s must be one that QEMU has", strings.ToLower(what[:1])+what[1:]), fmt.Sprintf("%s '%s' not supported", what, name))
	}
	switch {
	case !slices.Contains(luksModes, mode):
		return unknown(luksMode, "Cipher mode", mode)
	case !slices.Contains(luksKeySizes[cipher], size) || mode == "xts" && l.u32(LUKSKeyBytes)%2 != 0:
		return l.badName(luksCipher, fmt.Sprintf("the cipher must be one that QEMU has with a key of %d bytes", l.u32(LUKSKeyBytes)), "not supported")
	case luksDigests[hash] == 0:
		return unknown(luksHash, "Hash algorithm", hash)
	case !slices.Contains(luksIVs, iv):
		return unknown(luksMode, "IV generator", iv)
	case hashed && luksDigests[ivHash] == 0:
		return unknown(luksMode, "Hash algorithm", ivHash)
	case iv == "essiv" && !hashed:
		return l.badName(luksMode, "the IV generator must name its hash", "Missing IV generator hash specification")
	case iv == "essiv" && !slices.Contains(luksKeySizes[cipher], luksDigests[ivHash]):
		return l.badName(luksMode, "the hash of the IV generator must be as long as a key of the cipher", "")
	}
	return nil
}
