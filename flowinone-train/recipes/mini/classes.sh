# What the mini model knows, and the icons of it: for scripts to source.
classes=airplane,apple,balloon,banana,bolt,boot,bulb,bus,butterfly,cactus,camera,car,castle,cat,cheese,croissant,crown,dolphin,doughnut,eggplant,fish,fox,guitar,hammer,hat,heart,house,jeans,key,ladder,lion,magnet,moon,mushroom,owl,pear,penguin,pig,pizza,rainbow,rocket,sailboat,shirt,star,tree,trophy,turtle,volcano
icons=(
    --icons models/icons/fluent-emoji-flat.json --names apple=red-apple,bolt=high-voltage,boot=hiking-boot,bulb=light-bulb,car=automobile,cheese=cheese-wedge
    --names hat=top-hat,heart=red-heart,moon=crescent-moon,shirt=t-shirt,tree=deciduous-tree
)
