//go:build !js

package differential

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"qcowscope/core/check"
	"qcowscope/core/repair"
	"qcowscope/core/source"
)

// consentRounds is how often a user would look at what is left and consent again: a
// repair by consent can bring to light what waits for the next.
const consentRounds = 3

// untilConsent begins what is said about a deviation that consent ends.
const untilConsent = "until consent to "

// afterConsent marks those deviations that are gone once the user consents to what our plan
// offers: QEMU chose without asking.
func (b *Base) afterConsent(ctx context.Context, damaged []byte, v verdict, m *mending, s *states) error {
	if m.scope != repair.All || !slices.ContainsFunc(m.worse, endsByConsent) {
		return nil
	}
	with := *m
	accept := map[check.Code]bool{}
	for range consentRounds {
		asked := len(accept)
		for _, g := range with.plan.After.Groups {
			if g.Code.Consent() != "" {
				accept[g.Code] = true
			}
		}
		if len(accept) == asked {
			break
		}
		repaired, out, broken := mendOurs(ctx, source.Bytes(damaged), v, repair.Options{Scope: m.scope, Accept: accept})
		if broken != "" {
			m.worse = append(m.worse, deviation{brokeWord, fmt.Sprintf("with consent to %s: %s", names(accept), kindOf(broken))})
			return nil
		}
		var err error
		if with.ours, err = s.of(ctx, repaired); err != nil {
			return err
		}
		with.plan = out
		mark(m, with.compare(), accept)
	}
	return nil
}

// mark names the consent in the deviations that are not left with it.
func mark(m *mending, left []deviation, accept map[check.Code]bool) {
	for i, d := range m.worse {
		same := func(o deviation) bool { return o.way == d.way }
		if endsByConsent(d) && !slices.ContainsFunc(left, same) && !strings.HasPrefix(d.about, untilConsent) {
			m.worse[i].about = untilConsent + names(accept)
		}
	}
}

// endsByConsent tells whether consent can end a deviation of the kind.
func endsByConsent(d deviation) bool {
	return d.way == keptLess || d.way == leftTrouble || d.way == leftClosed
}

func names(codes map[check.Code]bool) string {
	var all []string
	for c := range codes {
		all = append(all, string(c))
	}
	slices.Sort(all)
	return strings.Join(all, ", ")
}
