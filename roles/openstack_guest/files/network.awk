# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Part of goldsmith-agent: what network_data.json says, as files in the folder "out": of systemd-networkd, or of
# NetworkManager if "manager" says so. It reads the cards of the machine (address and name) while "cards" is 1, then the
# document as lines of path and value. Where all networks are DHCP's and all links are cards, no file is made: that
# needs none. What it does not understand it prints.

BEGIN { FS = "\t" }

cards { card[tolower($1)] = $2; next }

!($1 in fact) {
    fact[$1] = $2
    split($1, part, "/")
    if (part[1] ~ /^(links|networks|services)$/ && part[2] + 1 > count[part[1]]) count[part[1]] = part[2] + 1
}

END {
    for (i = 0; i < count["links"]; i++) {
        place[fact["links/" i "/id"]] = i + 1
        kind[i] = fact["links/" i "/type"]
        if (kind[i] == "vlan" || kind[i] == "bond") needed = 1
    }
    for (i = 0; i < count["networks"]; i++) if (fact["networks/" i "/type"] ~ /^ipv[46]$/) needed = 1
    if (!needed) exit
    for (i = 0; i < count["links"]; i++) if (kind[i] != "vlan" && kind[i] != "bond") find_card(i)
    for (i = 0; i < count["links"]; i++) if (kind[i] == "bond") make_bond(i)
    for (i = 0; i < count["links"]; i++) if (kind[i] == "vlan") make_vlan(i)
    for (i = 0; i < count["networks"]; i++) add_network(i)
    for (i = 0; i < count["links"]; i++) if (i in name) {
        # A link without a network has what every card has.
        if (!carries(i) && !networks[i]) dhcp4[i] = dhcp6[i] = advertised[i] = 1
        if (static[i]) for (k = 0; k < count["services"]; k++) add_service(i, "services/" k)
        if (manager == "NetworkManager") write_connection(i)
        else write_link(i)
    }
}

# --- Links -----------------------------------------------------------------------------------------------------------

function find_card(i,   mine) {
    mine = tolower(fact["links/" i "/ethernet_mac_address"])
    if (mine in card) name[i] = card[mine]
    else print "no card has the address " printable(mine) ": left out"
}

function make_bond(i,   path, found, k, member) {
    path = "links/" i "/"
    name[i] = fact[path "id"] ~ /^bond[0-9]+$/ && length(fact[path "id"]) < 10 ? fact[path "id"] : "bond" i
    mode[i] = fact[path "bond_mode"]
    split("balance-rr active-backup balance-xor broadcast 802.3ad balance-tlb balance-alb", modes, " ")
    if (mode[i] ~ /^[0-6]$/) mode[i] = modes[mode[i] + 1]
    for (k = 1; k in modes; k++) if (modes[k] == mode[i]) found = 1
    if (!found) { print "no mode of a bond: " printable(mode[i]) "; balance-rr is used"; mode[i] = modes[1] }
    miimon[i] = is_number(fact[path "bond_miimon"]) ? fact[path "bond_miimon"] : ""
    policy[i] = fact[path "bond_xmit_hash_policy"] ~ /^[a-z0-9+]+$/ ? fact[path "bond_xmit_hash_policy"] : ""
    mac[i] = hardware(fact[path "ethernet_mac_address"])
    for (k = 0; (path "bond_links/" k) in fact; k++) {
        member = place[fact[path "bond_links/" k]] - 1
        if (member in name) bond[member] = name[i]
    }
}

function make_vlan(i,   path, carrier) {
    path = "links/" i "/"
    carrier = place[fact[path "vlan_link"]] - 1
    if (!(carrier in name) || !is_number(fact[path "vlan_id"]) || fact[path "vlan_id"] > 4094) {
        print "the VLAN " printable(fact[path "vlan_id"]) " has no link to be on: left out"
        return
    }
    tag[i] = fact[path "vlan_id"]
    parent[i] = name[carrier]
    name[i] = parent[i] "." tag[i]
    if (length(name[i]) > 15) name[i] = "vlan" tag[i]
    mac[i] = hardware(fact[path "vlan_mac_address"])
    vlans[carrier] = vlans[carrier] "VLAN=" name[i] "\n"
}

# What only carries others has no address of its own.
function carries(i) { return bond[i] != "" || (vlans[i] != "" && !networks[i]) }

# --- Networks --------------------------------------------------------------------------------------------------------

function add_network(j,   path, type, i, to, k, one) {
    path = "networks/" j "/"
    type = fact[path "type"]
    i = place[fact[path "link"]] - 1
    if (!(i in name)) return
    networks[i]++
    if (type == "ipv4_dhcp") dhcp4[i] = 1
    else if (type ~ /^ipv6_(dhcp|slaac)/) {
        advertised[i] = 1
        if (type ~ /^ipv6_dhcp$|stateful$/) dhcp6[i] = 1
    } else if (type == "ipv4" || type == "ipv6") {
        to = with_prefix(fact[path "ip_address"], fact[path "netmask"])
        if (to == "") { print "no address: " printable(fact[path "ip_address"]) "; left out"; return }
        if (type == "ipv6") static6[i] = 1
        address[i, static[i]++] = to
        if ((path "gateway") in fact) add_route(i, type == "ipv6" ? "::/0" : "0.0.0.0/0", fact[path "gateway"])
    } else print "a network of type " printable(type) " is not known: left out"
    for (k = 0; (path "routes/" k "/network") in fact; k++) {
        one = path "routes/" k "/"
        add_route(i, with_prefix(fact[one "network"], fact[one "netmask"]), fact[one "gateway"])
    }
    for (k = 0; (path "services/" k "/type") in fact; k++) add_service(i, path "services/" k)
}

function add_route(i, to, gateway) {
    if (to == "" || !is_ip(gateway)) { print "no route: " printable(to " by " gateway) "; left out"; return }
    # The first link's default route goes before that of the second.
    route[i, routes[i]++] = to " " gateway (to ~ /\/0$/ ? " " metric(i) : "")
}

function add_service(i, path) {
    # Compute names them twice: for the network, and for the whole machine.
    if (fact[path "/type"] == "dns" && is_ip(fact[path "/address"]) && !((i, fact[path "/address"]) in told)) {
        server[i, servers[i]++] = fact[path "/address"]
        told[i, fact[path "/address"]] = 1
    }
}

function metric(i) { return 100 * (i + 1) }

# --- Files of systemd-networkd ---------------------------------------------------------------------------------------

function write_link(i,   text, k, half) {
    if (kind[i] == "bond" || kind[i] == "vlan") {
        text = "[NetDev]\nName=" name[i] "\nKind=" kind[i] "\n" optional("MACAddress=", mac[i])
        if (kind[i] == "vlan") text = text "\n[VLAN]\nId=" tag[i] "\n"
        else {
            text = text "\n[Bond]\nMode=" mode[i] "\n" (miimon[i] == "" ? "" : "MIIMonitorSec=" miimon[i] "ms\n")
            text = text optional("TransmitHashPolicy=", policy[i])
        }
        write(name[i] ".netdev", text)
    }
    text = "[Match]\nName=" name[i] "\n\n[Link]\n" optional("MTUBytes=", mtu(i))
    text = text "\n[Network]\n" optional("Bond=", bond[i]) vlans[i]
    if (carries(i)) text = text "LinkLocalAddressing=no\nIPv6AcceptRA=no\n"
    else {
        text = text "DHCP=" (dhcp4[i] ? dhcp6[i] ? "yes" : "ipv4" : dhcp6[i] ? "ipv6" : "no") "\n"
        if (advertised[i] || static6[i]) text = text "IPv6AcceptRA=" (advertised[i] ? "yes" : "no") "\n"
        for (k = 0; k < static[i]; k++) text = text "Address=" address[i, k] "\n"
        for (k = 0; k < servers[i]; k++) text = text "DNS=" server[i, k] "\n"
        text = text "\n[DHCPv4]\nRouteMetric=" metric(i) "\n\n[IPv6AcceptRA]\nRouteMetric=" metric(i) "\n"
        for (k = 0; k < routes[i]; k++) {
            split(route[i, k], half, " ")
            # A network of one address has its gateway outside.
            text = text "\n[Route]\nDestination=" half[1] "\nGateway=" half[2] "\nGatewayOnLink=yes\n" \
                optional("Metric=", half[3])
        }
    }
    write(name[i] ".network", text)
}

# --- Files of NetworkManager -----------------------------------------------------------------------------------------

function write_connection(i,   text) {
    text = "[connection]\nid=goldsmith-" name[i] "\ntype=" (kind[i] ~ /^(bond|vlan)$/ ? kind[i] : "ethernet") "\n"
    text = text "interface-name=" name[i] "\nautoconnect-priority=100\n"
    if (bond[i] != "") text = text "master=" bond[i] "\nslave-type=bond\n"
    text = text "\n[ethernet]\n" optional("mtu=", mtu(i)) optional("cloned-mac-address=", mac[i])
    if (kind[i] == "vlan") text = text "\n[vlan]\nid=" tag[i] "\nparent=" parent[i] "\n"
    if (kind[i] == "bond") {
        text = text "\n[bond]\nmode=" mode[i] "\n" optional("miimon=", miimon[i])
        text = text optional("xmit_hash_policy=", policy[i])
    }
    if (bond[i] == "") text = text family(i, 4) family(i, 6)
    write(name[i] ".nmconnection", text)
}

# The section of IPv4 or of IPv6.
function family(i, which,   text, method, k, number, half, list) {
    number = 0
    for (k = 0; k < static[i]; k++)
        if (is_of(address[i, k], which)) text = text "address" (++number) "=" address[i, k] "\n"
    if (which == 4 ? dhcp4[i] : advertised[i]) method = "auto"
    else method = number ? "manual" : "disabled"
    number = 0
    for (k = 0; k < routes[i]; k++) if (is_of(route[i, k], which)) {
        split(route[i, k], half, " ")
        number++
        text = text "route" number "=" half[1] "," half[2] (half[3] != "" ? "," half[3] : "") "\n" \
            "route" number "_options=onlink=true\n"
    }
    for (k = 0; k < servers[i]; k++) if (is_of(server[i, k], which)) list = list server[i, k] ";"
    if (method == "disabled") return "\n[ipv" which "]\nmethod=disabled\n"
    return "\n[ipv" which "]\nmethod=" method "\nroute-metric=" metric(i) "\n" text optional("dns=", list)
}

function is_of(text, which) { return (text ~ /:/) == (which == 6) }

# --- Values ----------------------------------------------------------------------------------------------------------

function mtu(i) { return is_number(fact["links/" i "/mtu"]) ? fact["links/" i "/mtu"] : "" }
function optional(key, text) { return text == "" ? "" : key text "\n" }
function is_number(text) { return text ~ /^[0-9]+$/ && length(text) < 7 }
function hardware(text) {
    return text ~ /^[0-9A-Fa-f][0-9A-Fa-f](:[0-9A-Fa-f][0-9A-Fa-f])+$/ && length(text) == 17 ? text : ""
}
function is_ip(text) {
    return text ~ /^[0-9]+\.[0-9]+\.[0-9]+\.[0-9]+$/ || (text ~ /^[0-9A-Fa-f:.]+$/ && text ~ /:.*:/)
}
function printable(text) { gsub(/[^ -~]/, "?", text); return "\"" substr(text, 1, 60) "\"" }

# An address with the length of its prefix, which may be there already, or be said by a mask.
function with_prefix(text, mask,   half, byte, bits, k, digit) {
    if (split(text, half, "/") == 2) mask = half[2]
    if (!is_ip(half[1])) return ""
    if (mask ~ /^[0-9]+$/) bits = mask + 0
    else if (mask ~ /^[0-9]+\.[0-9]+\.[0-9]+\.[0-9]+$/) {
        split(mask, byte, ".")
        for (k = 1; k <= 4; k++) for (digit = byte[k]; digit > 0; digit = digit * 2 % 256) bits++
    } else if (mask ~ /^[Ff0-9A-Ea-e:]+$/) {
        for (k = 1; k <= length(mask); k++) bits += index("8cef", tolower(substr(mask, k, 1)))
    } else return ""
    return bits <= (half[1] ~ /:/ ? 128 : 32) ? half[1] "/" (bits + 0) : ""
}

function write(file, text) {
    file = out "/10-goldsmith-" file
    printf "%s", text >file
    close(file)
}
