# Prints the targets that have a comment behind "##", below the heading of their file.
FNR == 1 {
	heading = $0
	sub(/^# /, "", heading)
}
/^[a-z0-9-]+: ## / {
	if (heading != "")
		printf "%s%s\n", printed ? "\n" : "", heading
	printed = 1
	heading = ""
	target = $1
	sub(/:$/, "", target)
	text = $0
	sub(/^[^#]*## /, "", text)
	printf "  %-18s %s\n", target, text
}
