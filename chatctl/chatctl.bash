# Completion of chatctl for bash.
_chatctl() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} command='' word i ifs=$' \t\n'
	local -a asks=(chatctl --no-legend)
	COMPREPLY=()
	for ((i = 1; i < COMP_CWORD; i++)); do
		word=${COMP_WORDS[i]}
		case $word in
		--run-dir=*) asks+=("$word") ;;
		-n | --lines | --name | --room) ((i++)) ;;
		-*) ;;
		*) [ -n "$command" ] || command=$word ;;
		esac
	done
	local IFS=$'\n'
	case $cur in
	--name=*) ;;
	-*)
		COMPREPLY=($(IFS=$ifs compgen -W '--json --no-legend --lines= --follow --name= --room= --kill --run-dir= --output=
			--openmetrics --help --version' -- "$cur"))
		[[ ${COMPREPLY[0]-} != *= ]] || compopt -o nospace 2>/dev/null
		return
		;;
	esac
	[ "$prev" != = ] || prev=${COMP_WORDS[COMP_CWORD - 2]-} # "=" is a word of its own
	[ "$cur" != = ] || { [ "$prev" != --name ] || cur=''; }
	case $command,$prev in
	*,--name | kick,kick | mute,mute | unmute,unmute | ban,ban)
		COMPREPLY=($(compgen -W "$("${asks[@]}" who 2>/dev/null | awk '{ print $1 }')" -- "$cur")) ;;
	unban,unban)
		COMPREPLY=($(compgen -W "$("${asks[@]}" bans 2>/dev/null | awk '{ print $1 }')" -- "$cur")) ;;
	token,token)
		COMPREPLY=($(IFS=$ifs compgen -W 'add list remove' -- "$cur")) ;;
	token,remove)
		COMPREPLY=($(compgen -W "$("${asks[@]}" token list 2>/dev/null | awk '{ print $1 }')" -- "$cur")) ;;
	,* | help,help)
		COMPREPLY=($(compgen -W "$(chatctl commands 2>/dev/null | cut -d: -f1)" -- "$cur")) ;;
	esac
}
complete -F _chatctl chatctl
