//go:build js && wasm

package main

import "qcowscope/wasm/service"

// redirectOperations tell how a plan is redirected, and what crashes leave.
func redirectOperations(s *service.Session) map[string]operation {
	return map[string]operation{
		"redirectWrite": asking(s.RedirectWrite),
		"redirectLog":   asking(s.RedirectLog),
		"crash":         asking(s.Crash),
		"crashJudge":    asking(s.CrashJudge),
		"crashPlace":    plain(s.CrashPlace),
		"crashState":    asking(s.CrashState),
		"crashOpen":     asking(s.CrashOpen),
		"crashFile":     asking(s.CrashFile),
	}
}
